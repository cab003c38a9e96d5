#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>

#include "base/version.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/run_flags.hpp"

namespace gauntlet::cli {
namespace {

std::string words_of(const CLI::App& command) {
  std::string words;
  auto add = [&](const std::string& word) { words += (words.empty() ? "" : " ") + word; };
  for (const auto* sub : command.get_subcommands([](const CLI::App* c) { return !c->get_group().empty(); })) add(sub->get_name());
  for (const auto* option : command.get_options())
    for (const auto& name : option->get_lnames()) add("--" + name);
  return words;
}

/// With the flags of the commands in it.
std::string words_of_all(const CLI::App& command) {
  std::string words = words_of(command);
  for (const auto* sub : command.get_subcommands([](const CLI::App*) { return true; })) words += " " + words_of_all(*sub);
  return words;
}

/// Completes the commands, each command's flags, and files after them.
std::string bash_completion(const CLI::App& app) {
  std::string cases;
  for (const auto* command : app.get_subcommands([](const CLI::App* c) { return !c->get_group().empty(); }))
    cases += fmt::format("    {}) words=\"{}\" ;;\n", command->get_name(),
                         command->get_name() == "run" ? names_of_run_flags() : words_of_all(*command));
  return fmt::format(
      "# bash completion of gauntlet: source <(gauntlet completion bash)\n"
      "_gauntlet() {{\n"
      "  local current=${{COMP_WORDS[COMP_CWORD]}} words command= word\n"
      "  for word in \"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\"; do [[ $word == -* ]] || {{ command=$word; break; }}; done\n"
      "  case $command in\n    '') words=\"{}\" ;;\n{}  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "}}\n"
      "complete -o default -F _gauntlet gauntlet\n",
      words_of(app), cases);
}

std::string zsh_completion(const CLI::App& app) {
  return "# zsh completion of gauntlet: source <(gauntlet completion zsh)\nautoload -U +X bashcompinit && "
         "bashcompinit\n" +
         bash_completion(app);
}

std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') out += "\\e";
    else if (c == '-') out += "\\-";
    else out += c;
  }
  return !out.empty() && (out[0] == '.' || out[0] == '\'') ? "\\&" + out : out;
}

/// man(7): `gauntlet manual > gauntlet.1`.
std::string manual(const CLI::App& app) {
  std::string out = fmt::format(
      ".TH GAUNTLET 1 \"\" \"gauntlet {}\" \"User Commands\"\n.SH NAME\ngauntlet \\- load tests for the challenge "
      "backend, and the backend to test\n"
      ".SH SYNOPSIS\n.B gauntlet\n[\\fIoptions\\fR] \\fIcommand\\fR [\\fIoptions\\fR]\n.br\n.B k6\nrun "
      "[\\fIoptions\\fR] \\fISCRIPT\\fR\n.SH OPTIONS\n",
      base::kVersion);
  auto options_of = [](const CLI::App& command) {
    std::string text;
    for (const auto* option : command.get_options())
      text += fmt::format(".TP\n.B {}\n{}\n", roff(option->get_name(false, true)), roff(option->get_description()));
    return text;
  };
  out += options_of(app) + ".SH COMMANDS\n";
  for (const auto* command : app.get_subcommands([](const CLI::App* c) { return !c->get_group().empty(); }))
    out += fmt::format(".SS gauntlet {}\n{}\n{}", roff(command->get_name()), roff(command->get_description()), options_of(*command));
  return out + fmt::format(".SH EXIT STATUS\n.nf\n{}\n.fi\n", roff(exit_codes_help()));
}

}  // namespace

void add_completion_commands(CLI::App& app) {
  auto* completion = app.add_subcommand("completion", "Print shell completion: source <(gauntlet completion bash)")->group(kLoadGroup);
  auto shell = std::make_shared<std::string>();
  completion->add_option("shell", *shell, "bash or zsh")->required()->check(CLI::IsMember({"bash", "zsh"}));
  completion->callback([&app, shell] { fmt::print("{}", *shell == "bash" ? bash_completion(app) : zsh_completion(app)); });
  auto* page = app.add_subcommand("manual", "Print the manual page: gauntlet manual | man -l -")->group(kLoadGroup);
  page->callback([&app] { fmt::print("{}", manual(app)); });
}

}  // namespace gauntlet::cli

#include "cli/program.hpp"

int main(int argc, char** argv) { return gauntlet::cli::run_program(argc, argv); }

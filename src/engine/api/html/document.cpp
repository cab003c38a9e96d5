#include "engine/api/html/document.hpp"

#include <gumbo.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csetjmp>
#include <ctime>
#include <utility>

#include "base/text.hpp"
#include "engine/api/html/patience.hpp"

namespace gauntlet::engine::html {
namespace {

using std::chrono::nanoseconds;

/// Of CPU time. Pages take 10 to 50 ns a byte, but the parser walks up the open elements again and again: one that nests
/// without end takes the square of it.
constexpr nanoseconds kBudget = std::chrono::seconds(1);
constexpr std::size_t kBudgetPerByteNs = 200;
constexpr std::size_t kNodesPerLook = 256;

nanoseconds cpu_time_of_thread() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + nanoseconds(now.tv_nsec);
}

/// The parser's memory, freed at once: its own clean-up descends recursively, as deep as the page wants. Also its clock:
/// it asks for memory at each node.
class Arena {
 public:
  Arena(nanoseconds budget, const Document::Room& room) : until_(cpu_time_of_thread() + budget), room_(room) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  static void* allocate(void* self, std::size_t size) { return static_cast<Arena*>(self)->take(size); }
  static void release(void*, void*) {}
  /// Where allocate() goes when the budget is spent, or there is no room.
  std::jmp_buf& way_out() { return way_out_; }

 private:
  static constexpr std::size_t kChunkBytes = 64U << 10U;

  static constexpr unsigned kTakesPerLook = 128;

  void* take(std::size_t size) {
    if (++takes_ % kTakesPerLook == 0) look(0);
    size = (size + 15) & ~std::size_t{15};
    if (size > left_) {
      const std::size_t chunk = std::max(size, kChunkBytes);
      look(chunk);
      chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(chunk));
      at_ = chunks_.back().get();
      left_ = chunk;
    }
    left_ -= size;
    return std::exchange(at_, at_ + size);
  }

  void look(std::size_t bytes) {
    const nanoseconds now = cpu_time_of_thread();
    bool may_go_on = now <= until_;
    if (may_go_on && room_) {
      may_go_on = room_(bytes);
      until_ += cpu_time_of_thread() - now;  // others may have had their turn
    }
    if (!may_go_on) std::longjmp(way_out_, 1);
  }

  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::byte* at_ = nullptr;
  std::size_t left_ = 0;
  unsigned takes_ = 0;
  nanoseconds until_;
  const Document::Room& room_;
  std::jmp_buf way_out_;
};

/// Go's parser, whose output k6 shows, sorts the attributes of elements that format text.
bool has_sorted_attributes(std::string_view name) {
  static constexpr std::array kNames = {"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

std::string element_name(const GumboElement& element) {
  if (element.tag != GUMBO_TAG_UNKNOWN) return gumbo_normalized_tagname(element.tag);
  GumboStringPiece piece = element.original_tag;
  gumbo_tag_from_original_text(&piece);
  return base::lower_case(std::string_view(piece.data, piece.length));
}

void fill(Node& node, const GumboNode& source) {
  switch (source.type) {
    case GUMBO_NODE_DOCUMENT: node.kind = Node::Kind::document; break;
    case GUMBO_NODE_COMMENT:
      node.kind = Node::Kind::comment;
      node.text = source.v.text.text;
      break;
    case GUMBO_NODE_TEXT:
    case GUMBO_NODE_CDATA:
    case GUMBO_NODE_WHITESPACE:
      node.kind = Node::Kind::text;
      node.text = source.v.text.text;
      break;
    case GUMBO_NODE_ELEMENT:
    case GUMBO_NODE_TEMPLATE: {
      node.kind = Node::Kind::element;
      node.name = element_name(source.v.element);
      const GumboVector& attributes = source.v.element.attributes;
      for (unsigned int i = 0; i < attributes.length; ++i) {
        const auto& attribute = *static_cast<const GumboAttribute*>(attributes.data[i]);
        node.attributes.push_back({attribute.name, attribute.value});
      }
      if (has_sorted_attributes(node.name)) {
        std::sort(node.attributes.begin(), node.attributes.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
      }
      break;
    }
  }
}

const GumboVector* children_of(const GumboNode& node) {
  if (node.type == GUMBO_NODE_DOCUMENT) return &node.v.document.children;
  if (node.type == GUMBO_NODE_ELEMENT || node.type == GUMBO_NODE_TEMPLATE) return &node.v.element.children;
  return nullptr;
}

void escape(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&#34;"; break;
      case '\'': out += "&#39;"; break;
      case '\r': out += "&#13;"; break;
      default: out += c;
    }
  }
}

bool is_void(std::string_view name) {
  static constexpr std::array kNames = {"area",   "base", "br",   "col",   "embed",  "hr",    "img", "input",
                                        "keygen", "link", "meta", "param", "source", "track", "wbr"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

/// Elements whose text is written as it is.
bool is_raw(std::string_view name) {
  static constexpr std::array kNames = {"iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "xmp"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

void open(std::string& out, const Node& node) {
  switch (node.kind) {
    case Node::Kind::document: break;
    case Node::Kind::doctype: out.append("<!DOCTYPE ").append(node.name).append(1, '>'); break;
    case Node::Kind::comment: out.append("<!--").append(node.text).append("-->"); break;
    case Node::Kind::text:
      if (node.parent != nullptr && is_raw(node.parent->name)) out += node.text;
      else escape(out, node.text);
      break;
    case Node::Kind::element:
      out.append(1, '<').append(node.name);
      for (const Attribute& attribute : node.attributes) {
        out.append(1, ' ').append(attribute.name).append("=\"");
        escape(out, attribute.value);
        out += '"';
      }
      out += is_void(node.name) ? "/>" : ">";
      // A line break at their start is dropped when they are parsed, so one more keeps it.
      if ((node.name == "pre" || node.name == "textarea" || node.name == "listing") && !node.children.empty() &&
          node.children.front()->kind == Node::Kind::text && node.children.front()->text.starts_with('\n')) {
        out += '\n';
      }
      break;
  }
}

void close(std::string& out, const Node& node) {
  if (node.is_element() && !is_void(node.name)) out.append("</").append(node.name).append(1, '>');
}

/// nullptr when the arena's budget ran out. The parser is C and what it has lies in the arena, so that leaving it in the
/// middle leaves nothing behind.
const GumboOutput* parse_within_budget(Arena& arena, std::string_view html) {
  GumboOptions options = kGumboDefaultOptions;
  options.allocator = &Arena::allocate;
  options.deallocator = &Arena::release;
  options.userdata = &arena;
  options.max_errors = 0;
  if (setjmp(arena.way_out()) != 0) return nullptr;
  return gumbo_parse_with_options(&options, html.data(), html.size());
}

}  // namespace

const std::string* Node::attribute(std::string_view wanted) const {
  for (const Attribute& each : attributes) {
    if (each.name == wanted) return &each.value;
  }
  return nullptr;
}

Node* Node::previous_element() const {
  Patience::step();
  Node* node = previous();
  while (node != nullptr && !node->is_element()) node = node->previous();
  return node;
}

Node* Node::next_element() const {
  Patience::step();
  Node* node = next();
  while (node != nullptr && !node->is_element()) node = node->next();
  return node;
}

bool Node::contains(const Node& other) const {
  for (const Node* at = other.parent; at != nullptr; at = at->parent) {
    if (at == this) return true;
  }
  return false;
}

const Node* next_outside(const Node* node, const Node* root) {
  Patience::step();
  for (; node != nullptr && node != root; node = node->parent) {
    if (const Node* next = node->next()) return next;
  }
  return nullptr;
}

const Node* next_in_order(const Node* node, const Node* root) {
  return node->children.empty() ? next_outside(node, root) : node->children.front();
}

std::shared_ptr<const Document> Document::parse(std::string_view html, const Room& room) {
  Arena arena(kBudget + std::chrono::nanoseconds(html.size() * kBudgetPerByteNs), room);
  const GumboOutput* output = parse_within_budget(arena, html);
  if (output == nullptr) return nullptr;

  auto document = std::make_shared<Document>();
  struct Step {
    const GumboNode* source;
    Node* parent;
  };
  std::vector<Step> steps = {{output->document, nullptr}};
  while (!steps.empty()) {
    const Step step = steps.back();
    steps.pop_back();
    Node& node = document->nodes_.emplace_back();
    node.position = document->nodes_.size();
    if (room && node.position % kNodesPerLook == 0 && !room(kNodesPerLook * sizeof(Node))) return nullptr;
    fill(node, *step.source);
    node.parent = step.parent;
    if (step.parent != nullptr) {
      node.index = step.parent->children.size();
      step.parent->children.push_back(&node);
    }
    if (step.parent == nullptr && output->document->v.document.has_doctype) {
      Node& doctype = document->nodes_.emplace_back();
      doctype.kind = Node::Kind::doctype;
      doctype.name = base::lower_case(std::string_view(output->document->v.document.name));
      doctype.parent = &node;
      doctype.position = document->nodes_.size();
      node.children.push_back(&doctype);
    }
    const GumboVector* children = children_of(*step.source);
    if (children == nullptr) continue;
    for (unsigned int i = children->length; i > 0; --i) steps.push_back({static_cast<const GumboNode*>(children->data[i - 1]), &node});
  }
  return document;
}

std::size_t Document::memory_bytes() const {
  std::size_t bytes = 0;
  for (const Node& node : nodes_) {
    bytes += sizeof(Node) + node.name.capacity() + node.text.capacity() + node.children.capacity() * sizeof(Node*);
    for (const Attribute& each : node.attributes) bytes += sizeof(Attribute) + each.name.capacity() + each.value.capacity();
  }
  return bytes;
}

std::string to_html(const Node& root, bool outer) {
  std::string out;
  if (outer) open(out, root);
  const Node* node = root.children.empty() ? nullptr : root.children.front();
  while (node != nullptr) {
    open(out, *node);
    if (!node->children.empty()) {
      node = node->children.front();
      continue;
    }
    close(out, *node);
    // Up through all that ends here.
    while (node->next() == nullptr && node->parent != &root) {
      node = node->parent;
      close(out, *node);
    }
    node = node->next();
  }
  if (outer) close(out, root);
  return out;
}

std::string to_text(const Node& root) {
  if (root.kind == Node::Kind::text) return root.text;
  std::string out;
  for (const Node* node = next_in_order(&root, &root); node != nullptr; node = next_in_order(node, &root)) {
    if (node->kind == Node::Kind::text) out += node->text;
  }
  return out;
}

}  // namespace gauntlet::engine::html

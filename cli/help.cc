#include "cli/help.h"

#include <algorithm>

namespace broadside {
namespace {

constexpr size_t kWidth = 80;
constexpr size_t kColumn = 30;  // where the descriptions begin

// A name in its column, and the description beside it, or below it when the name is too long.
std::string Row(const std::string& name, const std::string& description) {
  std::string row = "  " + name;
  row += row.size() + 2 > kColumn ? "\n" + std::string(kColumn, ' ')
                                  : std::string(kColumn - row.size(), ' ');
  return row + Wrap(description, kWidth, kColumn) + "\n";
}

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

std::string Wrap(std::string_view text, size_t width, size_t indent) {
  std::string out;
  size_t used = indent;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!out.empty()) {
      const bool fits = used + 1 + word.size() <= width;
      out += fits ? " " : "\n" + std::string(indent, ' ');
      used = fits ? used + 1 : indent;
    }
    out += word;
    used += word.size();
  }
  return out;
}

std::string HelpFormatter::make_usage(const CLI::App* verb, std::string name) const {
  return "\n" + CLI::Formatter::make_usage(verb, std::move(name));
}

// A verb's examples belong to its own help; the list of verbs has its first line.
std::string HelpFormatter::make_subcommand(const CLI::App* verb) const {
  return Row(verb->get_name(), FirstLine(verb->get_description()));
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  std::string name = is_positional ? option->get_option_text() : option->get_name(false, true);
  for (size_t comma = name.find(','); comma != std::string::npos; comma = name.find(',', comma + 2))
    name.insert(comma + 1, " ");
  if (!is_positional && !option->get_option_text().empty()) name += " " + option->get_option_text();
  std::string about = option->get_description();
  if (option->get_required()) about += " (required)";
  if (!option->get_default_str().empty()) about += " (default " + option->get_default_str() + ")";
  if (!option->get_envname().empty()) about += " (or $" + option->get_envname() + ")";
  return Row(name, about);
}

std::string HelpFormatter::make_option_usage(const CLI::Option* positional) const {
  const std::string& name = positional->get_option_text();
  return positional->get_required() ? name : "[" + name + "]";
}

std::string HelpFormatter::make_footer(const CLI::App* verb) const {
  if (verb->get_parent() == nullptr) return CLI::Formatter::make_footer(verb);
  return "Flags of every verb: --log-level, --log-json (broadside --help).\n";
}

}  // namespace broadside

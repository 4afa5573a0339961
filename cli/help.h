#pragma once

// How --help looks: what the verb does, examples, usage, flags with what they take and their
// defaults, wrapped to 80 columns. Pure, no thread.

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

namespace broadside {

class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* verb, std::string name) const override;
  std::string make_subcommand(const CLI::App* verb) const override;
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_option_usage(const CLI::Option* positional) const override;
  std::string make_footer(const CLI::App* verb) const override;
};

// `text` in lines of at most `width` characters, broken at spaces; a longer word has a line of its
// own. Each line but the first begins with `indent` spaces, which count.
std::string Wrap(std::string_view text, size_t width, size_t indent);

}  // namespace broadside

#include "cli/spec_options.h"

namespace broadside {

void AddSpecOptions(CLI::App* verb, RunSpecFlags& flags) {
  verb->add_option("url", flags.url, "what to load: http://host:port/path")->option_text("URL");
  verb->add_option("-f,--file", flags.file,
                   "a test spec, YAML or JSON, instead of URL and the flags of the test; - reads "
                   "stdin")
      ->option_text("FILE");
  verb->add_option("-r,--rate", flags.rate, "requests per second, up to 6 decimals")
      ->option_text("RPS");
  verb->add_option("-d,--duration", flags.duration, "how long: 30s, 5m, 1m30s")
      ->option_text("TIME");
  verb->add_option("-c,--connections", flags.connections,
                   "a closed loop with so many connections; not supported yet")
      ->option_text("N");
  // One value a flag: else the URL behind it would be a second one.
  verb->add_option("-H,--header", flags.headers, "a request header; may be repeated")
      ->allow_extra_args(false)
      ->option_text("'NAME: VALUE'");
  verb->add_option("-m,--method", flags.method, "request method; GET if not given")
      ->option_text("METHOD");
  verb->add_option("-b,--body", flags.body, "request body; @FILE reads a file")
      ->option_text("TEXT");
  verb->add_option("--timeout", flags.timeout, "of a request; 5s if not given")
      ->option_text("TIME");
  verb->add_option("--threshold", flags.thresholds,
                   "as 'http_req_duration:p(99)<200'; may be repeated")
      ->allow_extra_args(false)
      ->option_text("'METRIC:EXPRESSION'");
  verb->add_option("--name", flags.name, "of the test, for people; run if not given")
      ->option_text("NAME");
}

void AddOutputOption(CLI::App* verb, std::string& output) {
  verb->add_option("-o,--output", output, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str()
      ->option_text("FORMAT");
}

}  // namespace broadside

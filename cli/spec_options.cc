#include "cli/spec_options.h"

namespace broadside {

void AddSpecOptions(CLI::App* verb, RunSpecFlags& flags) {
  verb->add_option("url", flags.url, "what to load");
  verb->add_option("--name", flags.name, "of the test, for people; default: run");
  verb->add_option("-f,--file", flags.file,
                   "a test spec, YAML or JSON, instead of the flags; - reads stdin");
  verb->add_option("-r,--rate", flags.rate, "requests per second, up to 6 decimals");
  verb->add_option("-d,--duration", flags.duration, "how long: 30s, 5m");
  verb->add_option("-c,--connections", flags.connections,
                   "closed loop with so many connections (not supported yet)");
  // One value a flag: else the URL behind it would be a second one.
  verb->add_option("-H,--header", flags.headers, "'Name: value'; may be repeated")
      ->allow_extra_args(false);
  verb->add_option("-m,--method", flags.method, "request method");
  verb->add_option("-b,--body", flags.body, "request body; @FILE reads a file");
  verb->add_option("--timeout", flags.timeout, "of a request: 5s");
  verb->add_option("--threshold", flags.thresholds,
                   "'http_req_duration:p(99)<200'; may be repeated")
      ->allow_extra_args(false);
}

}  // namespace broadside

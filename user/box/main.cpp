// box: containers from the command line, with the words and options that docker users know. The work is done by the system
// calls of cv6/container.hpp.
#include <cstdio>

#include "failure.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

constexpr void (*words[])(CLI::App& box, int& status) = {
    add_run, add_exec, add_rm,       // life
    add_ls, add_trace, add_sched,    // look
    add_policy,
};

int main(int count, char** arguments) {
  CLI::App app("Runs programs in containers.", "box");
  app.require_subcommand(1);
  int status = 0;
  for (const auto add : words) add(app, status);
  try {
    app.parse(count, arguments);
    return status;
  } catch (const CLI::Success& success) {
    return app.exit(success);  // --help
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "box: %s (see `box --help`)\n", error.what());
    return exit_status::own_failure;
  } catch (const Failure& failure) {
    std::fprintf(stderr, "box: %s\n", failure.what());
    return failure.status();
  }
}

}  // namespace
}  // namespace cv6::box

int main(int count, char** arguments) { return cv6::box::main(count, arguments); }

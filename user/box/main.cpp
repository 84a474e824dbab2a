// box: containers from the command line, with the words and options that docker users know. The work is done by the system
// calls of cv6/container.hpp.
#include <cstdio>

#include "failure.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

constexpr void (*words[])(CLI::App& box, int& status) = {
    // life
    add_run, add_create, add_exec, add_start, add_attach, add_stop, add_kill, add_pause, add_wait, add_rename, add_rm, add_prune,
    // look
    add_ls, add_inspect, add_logs, add_top, add_stats, add_fds, add_trace, add_sched, add_mem,
    // files
    add_diff, add_cp, add_commit, add_export, add_import, add_images, add_rmi,
    // rules
    add_update, add_policy, add_supervise,
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

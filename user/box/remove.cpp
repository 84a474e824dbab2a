// `box rm`.
#include <cstdio>
#include <memory>

#include "containers.hpp"
#include "failure.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

enum class Force { no, yes };

struct RemoveOptions {
  bool force = false;
  std::vector<std::string> names;
};

void remove_one(const std::string& name, Force force) {
  const ContainerStat stat = find(name);
  if (stat.state != ContainerState::ready && force == Force::no)
    throw Failure(name + ": its processes are still running (end them first, or use `box rm -f`)");
  if (destroy_container(stat.id) != 0) throw system_failure(name);
}

// One after the other, going on after failures, which are reported.
int remove(const RemoveOptions& options) {
  int status = 0;
  for (const std::string& name : options.names) {
    try {
      remove_one(name, options.force ? Force::yes : Force::no);
      std::puts(name.c_str());
    } catch (const Failure& failure) {
      std::fprintf(stderr, "box: %s\n", failure.what());
      status = 1;
    }
  }
  return status;
}

}  // namespace

void add_rm(CLI::App& box, int& status) {
  auto options = std::make_shared<RemoveOptions>();
  CLI::App& word = *box.add_subcommand("rm", "remove containers, with all that they changed");
  word.add_flag("-f,--force", options->force, "end their processes first");
  word.add_option("CONTAINER", options->names, "names or ids")->required();
  word.callback([options, &status] { status = remove(*options); });
}

}  // namespace cv6::box

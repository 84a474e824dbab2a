// `box commit`: an image of what a container's files are now.
#include <cstdio>
#include <memory>

#include "containers.hpp"
#include "copy_tree.hpp"
#include "ending.hpp"
#include "failure.hpp"
#include "images.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

struct CommitOptions {
  std::string container, image;
  std::vector<std::string> changes;
  bool no_pause = false;
};

// Nothing in it runs meanwhile, unless it stood still before.
class Paused {
 public:
  explicit Paused(const ContainerStat& container) : container_(container) {
    if (container.state == ContainerState::active) set_frozen(container, Frozen::yes);
  }
  ~Paused() {
    try {
      if (container_.state == ContainerState::active) set_frozen(container_, Frozen::no);
    } catch (const Failure&) {  // it is gone
    }
  }
  Paused(const Paused&) = delete;
  Paused& operator=(const Paused&) = delete;

 private:
  const ContainerStat& container_;
};

void commit(const CommitOptions& options) {
  const ContainerStat container = find(options.container);
  Program program = find_program(container).value_or(Program());
  apply_changes(program, options.changes);
  end_by_signals();  // so that the container runs again, and no half of an image is left
  NewImage image(options.image);
  {
    std::optional<Paused> paused;
    if (!options.no_pause) paused.emplace(container);
    Viewer viewer;
    copy_tree(viewer, {container.id, "/", options.container + ":"}, {viewer.here(), image.root(), options.image}, image_rules());
  }
  image.keep(program);
  std::puts(options.image.c_str());
}

}  // namespace

void add_commit(CLI::App& box, int&) {
  auto options = std::make_shared<CommitOptions>();
  CLI::App& word = *box.add_subcommand("commit", "make an image of a container's files");
  word.add_option("CONTAINER", options->container, "name or id")->required();
  word.add_option("IMAGE", options->image, "the image's name")->required();
  add_change_option(word, options->changes);
  word.add_flag("--no-pause", options->no_pause, "let its processes run meanwhile");
  word.callback([options] { commit(*options); });
}

}  // namespace cv6::box

#include "viewer.hpp"

#include <unistd.h>

#include <filesystem>

#include "cv6/container.hpp"
#include "failure.hpp"

namespace cv6::box {

Viewer::Viewer() : here_(cid()), seen_(here_) {}

Viewer::~Viewer() {
  if (seen_ != here_ || confined_) view_container(here_);
}

void Viewer::see(int container) {
  if (container == seen_ && !confined_) return;
  if (view_container(container) != 0) throw system_failure("the container's files");
  seen_ = container;
  confined_ = false;
}

void Viewer::see_below(const std::string& directory) {
  see(here_);
  if (::chroot(directory.c_str()) != 0 || ::chdir("/") != 0) throw system_failure(directory);
  confined_ = true;
}

std::string absolute_path(const std::string& path) {
  std::string absolute = std::filesystem::absolute(path).lexically_normal();
  const bool names_contents = path.ends_with("/.") || path == ".";
  if (names_contents && !absolute.ends_with("/.")) absolute += absolute.ends_with("/") ? "." : "/.";
  return absolute;
}

}  // namespace cv6::box

// What `box run` and `box create` may say about files: the image, volumes, and a read-only root.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "configuration.hpp"
#include "containers.hpp"

namespace cv6::box {

class FilesOptions {
 public:
  void add_to(CLI::App& word);
  // If the first word is the name of an image, the container gets its files, and the program what the image says and `words`
  // do not. A name of an image comes before that of a program; a program's that contains a slash is never an image's.
  void choose_image(NewContainer& container, Program& program) const;
  // The volumes. Throws Failure.
  void apply(int container) const;

 private:
  std::vector<std::string> volumes_;
  bool read_only_ = false;
};

}  // namespace cv6::box

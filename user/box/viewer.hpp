// Whose files box sees. A container's are seen without running anything in it, so this works whatever its processes do, and
// names mean there what they mean to the container: links lead nowhere else.
#pragma once

#include <string>

namespace cv6::box {

class Viewer {
 public:
  Viewer();
  ~Viewer();  // back to box's own
  Viewer(const Viewer&) = delete;
  Viewer& operator=(const Viewer&) = delete;

  // From now on names are those of this container; `here()`: of box's own. The working directory is /. Throws Failure.
  void see(int container);
  int here() const { return here_; }
  // Names are below this directory of box's own files, until see().
  void see_below(const std::string& directory);

 private:
  const int here_;
  int seen_;
  bool confined_ = false;
};

// A name in somebody's files; absolute.
struct Place {
  int container;
  std::string path;
  std::string shown;  // as the user wrote it, for messages
};
std::string absolute_path(const std::string& path);  // of box's own files

}  // namespace cv6::box

// Images: directories of the host with the files that a container begins with, and a description beside them.
//
//   /var/lib/box/images/NAME/root         the files
//   /var/lib/box/images/NAME/image.json   when it was made, and what is run in it if nothing else is said
//
// A container of an image sees the files copy on write (create_container's `root`), so an image is never changed by those who
// use it; it cannot be removed as long as there are any.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "configuration.hpp"

namespace cv6::box {

struct Image {
  std::string name;
  std::string directory;
  std::uint64_t created = 0;  // nanoseconds since 1970
  Program program;            // what is run in it if nothing else is said; its words may be empty

  std::string root() const { return directory + "/root"; }
};

std::optional<Image> find_image(const std::string& name);
Image image(const std::string& name);  // throws Failure
std::vector<Image> all_images();       // by name

// An image that is being made: it is seen when it is kept, and otherwise goes again.
class NewImage {
 public:
  explicit NewImage(const std::string& name);  // throws Failure: not a name, or taken
  ~NewImage();
  NewImage(const NewImage&) = delete;
  NewImage& operator=(const NewImage&) = delete;

  std::string root() const { return directory_ + "/root"; }
  void keep(Program program);

 private:
  void make_directory(const std::string& directory) const;

  std::string name_, directory_;
  bool kept_ = false;
};

void remove_image(const Image& image);
// The container that uses it, if any.
std::optional<std::string> user_of(const Image& image);
std::uint64_t size_of(const Image& image);  // bytes; what its files share with others counts in each

// --change: docker's `CMD`, `ENV`, `WORKDIR`. Throws Failure.
void apply_changes(Program& program, const std::vector<std::string>& changes);
void add_change_option(CLI::App& word, std::vector<std::string>& changes);

}  // namespace cv6::box

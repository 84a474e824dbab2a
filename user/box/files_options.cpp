#include "files_options.hpp"

#include <filesystem>

#include "cv6/container.hpp"
#include "failure.hpp"
#include "images.hpp"

namespace cv6::box {
namespace {

struct Volume {
  std::string outside, inside;
  std::uint32_t flags = 0;
};

// HOST:INSIDE[:ro|:rw]
Volume parse(const std::string& text) {
  const auto wrong = [&] { return Failure("-v " + text + ": HOST:INSIDE is wanted, perhaps with :ro, and INSIDE begins with /"); };
  const std::size_t first = text.find(':');
  if (first == 0 || first == std::string::npos) throw wrong();
  const std::size_t second = text.find(':', first + 1);
  Volume volume;
  volume.outside = text.substr(0, first);
  volume.inside = text.substr(first + 1, second == std::string::npos ? second : second - first - 1);
  const std::string access = second == std::string::npos ? "rw" : text.substr(second + 1);
  if ((access != "rw" && access != "ro") || !volume.inside.starts_with('/') || volume.inside == "/") throw wrong();
  if (access == "ro") volume.flags = ContainerMount::read_only;
  if (volume.outside.find('/') == std::string::npos && volume.outside != "." && volume.outside != "..")
    throw Failure("-v " + text + ": named volumes are not known; give a path (./" + volume.outside + ")");
  return volume;
}

}  // namespace

void FilesOptions::add_to(CLI::App& word) {
  word.add_option("-v,--volume", volumes_, "HOST:INSIDE[:ro]: a file or directory of the host, itself, not copied")
      ->allow_extra_args(false);
  word.add_flag("--read-only", read_only_, "the container cannot change its files (volumes, /dev and tmpfs it can)");
}

void FilesOptions::choose_image(NewContainer& container, Program& program) const {
  if (read_only_) container.flags |= ContainerCreate::read_only_root;
  for (const std::string& volume : volumes_) (void)parse(volume);  // before anything is made
  program.volumes = volumes_;
  const auto image = find_image(program.words.front());
  if (!image) return;
  program.image = image->name;
  container.root = image->root();
  program.words.erase(program.words.begin());
  if (program.words.empty()) program.words = image->program.words;
  if (program.words.empty()) throw Failure(image->name + ": the image names no program (say which: box run " + image->name + " PROGRAM)");
  program.environment.insert(program.environment.begin(), image->program.environment.begin(), image->program.environment.end());
  if (program.directory.empty()) program.directory = image->program.directory;
  if (program.user.empty()) program.user = image->program.user;
}

void FilesOptions::apply(int container) const {
  for (const std::string& text : volumes_) {
    const Volume volume = parse(text);
    std::error_code error;
    if (!std::filesystem::exists(volume.outside, error)) std::filesystem::create_directories(volume.outside, error);
    if (error) throw Failure(volume.outside + ": " + error.message());
    ContainerMount mount;
    mount.id = container;
    mount.flags = volume.flags;
    mount.source = volume.outside.c_str();
    mount.target = volume.inside.c_str();
    if (mount_in_container(mount) != 0) throw system_failure("-v " + text);
  }
}

}  // namespace cv6::box

#include "fetch.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "channel.hpp"

namespace cv6::init {
namespace {

struct Place {
  std::string folder;
  std::string name;
};

// Relative paths begin where the command began. The root itself has no name, and is not fetched.
Place place_of(std::string path) {
  if (!path.starts_with('/')) path.insert(0, "/root/");
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::size_t slash = path.rfind('/');
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

// A `tar` that writes the archive to the descriptor `output`.
pid_t start_tar(const Place& place, int output) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  if (::dup2(output, 1) != 1) ::_exit(126);
  ::execl("/bin/tar", "tar", "-c", "-f", "-", "-C", place.folder.c_str(), "--", place.name.c_str(), nullptr);
  ::_exit(127);
}

bool forward(int input, const Channel& channel) {
  std::string block(32768, '\0');
  while (true) {
    const ssize_t got = ::read(input, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0;
    if (!channel.send(protocol::Type::file_data, {block.data(), static_cast<std::size_t>(got)})) return false;
  }
}

// Returns 0 or an errno.
int send_file(const std::string& path, const Channel& channel) {
  const Place place = place_of(path);
  struct stat status{};
  if (place.name.empty() || place.name == "." || place.name == "..") return EINVAL;
  if (::lstat((place.folder + "/" + place.name).c_str(), &status) != 0) return errno;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return errno;
  const pid_t tar = start_tar(place, ends[1]);
  const int error = tar < 0 ? errno : 0;
  ::close(ends[1]);
  const bool complete = error == 0 && forward(ends[0], channel);
  ::close(ends[0]);
  if (error != 0) return error;
  int ending = 0;
  while (::waitpid(tar, &ending, 0) < 0 && errno == EINTR) {
  }
  return complete && WIFEXITED(ending) && WEXITSTATUS(ending) == 0 ? 0 : EIO;
}

}  // namespace

void send_files(const std::vector<std::string>& paths) {
  if (paths.empty()) return;
  const Channel channel(protocol::files_port);
  for (const std::string& path : paths) {
    const protocol::FileEnd end{static_cast<std::uint32_t>(send_file(path, channel))};
    channel.send(protocol::Type::file_end, protocol::encode(end));
  }
}

}  // namespace cv6::init

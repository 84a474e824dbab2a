#include "common/packages.hpp"

#include <sys/wait.h>

#include "common/process.hpp"

namespace cv6::host {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds patience{120};

// It must end well; the last thing that it said is the reason if it does not.
Outcome<> run_well(const std::vector<std::string>& command) {
  std::string last;
  const ProcessEnd end = CV6_TRY(run_process(command, patience, [&](std::string_view line) {
    if (!line.empty()) last = line;
  }));
  if (!end.silent && WIFEXITED(end.status) && WEXITSTATUS(end.status) == 0) return {};
  return failure("{}", last.empty() ? command.front() + ": " + describe(end) : last);
}

}  // namespace

Outcome<> unpack_packages(const std::vector<std::string>& packages, const fs::path& folder) {
  if (fs::exists(folder)) return {};
  const fs::path partial = folder.string() + ".partial";
  std::error_code error;
  fs::remove_all(partial, error);
  fs::create_directories(partial, error);
  if (error) return failure("{}: {}", partial.string(), error.message());
  // apt-get puts the packages into the working directory.
  std::vector<std::string> command{"sh", "-c", "cd \"$1\" && shift && apt-get download -q \"$@\"", "sh",
                                   partial.string()};
  command.insert(command.end(), packages.begin(), packages.end());
  CV6_CHECK(run_well(command));
  std::vector<fs::path> archives;
  for (const auto& entry : fs::directory_iterator{partial}) {
    if (entry.path().extension() == ".deb") archives.push_back(entry.path());
  }
  for (const fs::path& archive : archives) {
    CV6_CHECK(run_well({"dpkg-deb", "-x", archive.string(), partial.string()}));
    fs::remove(archive, error);
  }
  fs::rename(partial, folder, error);
  if (error) return failure("{}: {}", folder.string(), error.message());
  return {};
}

}  // namespace cv6::host

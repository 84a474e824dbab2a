#include "images.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "containers.hpp"
#include "failure.hpp"
#include "numbers.hpp"
#include "time_text.hpp"
#include "viewer.hpp"

namespace cv6::box {

namespace files = std::filesystem;

namespace {

const std::string store = "/var/lib/box/images";

bool is_name(const std::string& name) {
  const auto letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-' || c == ':'; };
  return !name.empty() && name.size() <= 128 && std::isalnum(static_cast<unsigned char>(name.front())) && std::ranges::all_of(name, letter);
}

void check(const std::error_code& error, const std::string& what) {
  if (error) throw Failure(what + ": " + error.message());
}

// The process that makes, or made, the image which is kept under this name meanwhile: `.NAME.PID`.
std::optional<pid_t> maker_of(const std::string& directory) {
  if (!directory.starts_with('.')) return std::nullopt;
  return number_in<pid_t>(directory.substr(directory.rfind('.') + 1));
}

// What is left of images whose makers were ended before they could take it back. One with box's own number is of another,
// who had it before.
void remove_leftovers() {
  std::vector<files::path> left;
  std::error_code error;
  for (files::directory_iterator at(store, error), end; !error && at != end; at.increment(error))
    if (const auto maker = maker_of(at->path().filename()); maker && *maker > 0)
      if (*maker == ::getpid() || (::kill(*maker, 0) != 0 && errno == ESRCH)) left.push_back(at->path());
  for (const files::path& directory : left) files::remove_all(directory, error);
}

std::vector<std::string> split(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), {}};
}

// JSON, as docker's files of builds have it, or words with blanks between them.
std::vector<std::string> command_in(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_array()) return split(text);
  if (!std::ranges::all_of(json, [](const Json& word) { return word.is_string(); }))
    throw Failure("--change CMD " + text + ": all words must be strings, as in CMD [\"sh\", \"-c\", \"ls\"]");
  return json.get<std::vector<std::string>>();
}

}  // namespace

std::optional<Image> find_image(const std::string& name) {
  if (!is_name(name)) return std::nullopt;
  Image image;
  image.name = name;
  image.directory = store + "/" + name;
  std::ifstream file(image.directory + "/image.json");
  if (!file) return std::nullopt;
  try {
    const Json json = from_exact_json(Json::parse(file));
    image.created = json.value("created", std::uint64_t{0});
    image.program = program_from(json);
  } catch (const Json::exception&) {
    throw Failure(name + ": " + image.directory + "/image.json is damaged (`rm -r " + image.directory + "` removes the image)");
  }
  return image;
}

Image image(const std::string& name) {
  if (auto found = find_image(name)) return *found;
  throw Failure(name + ": no such image (`box images` shows all)");
}

// One that is damaged is told of, and does not hide the others.
std::vector<Image> all_images() {
  std::vector<Image> images;
  std::error_code error;
  for (files::directory_iterator at(store, error), end; !error && at != end; at.increment(error)) {
    try {
      if (auto found = find_image(at->path().filename())) images.push_back(*found);
    } catch (const Failure& failure) {
      report(failure);
    }
  }
  std::ranges::sort(images, {}, &Image::name);
  return images;
}

NewImage::NewImage(const std::string& name) : name_(name), directory_(store + "/." + name + "." + std::to_string(::getpid())) {
  if (!is_name(name)) throw Failure(name + ": not a name for an image (1 to 128 letters, digits, `.`, `_`, `-`, `:`)");
  if (find_image(name)) throw Failure(name + ": an image has that name already (choose another, or `box rmi` it)");
  std::error_code error;
  files::create_directories(store, error);
  check(error, store);
  remove_leftovers();
  if (::mkdir(directory_.c_str(), 0755) != 0) throw system_failure(directory_);  // nothing of another's becomes part of this one
  if (::mkdir(root().c_str(), 0755) == 0) return;
  const int why = errno;
  ::rmdir(directory_.c_str());
  throw system_failure(root(), why);
}

NewImage::~NewImage() {
  std::error_code ignored;
  if (!kept_) files::remove_all(directory_, ignored);
}

// The program's directory is made, as docker does. A link in the image leads nowhere else.
void NewImage::make_directory(const std::string& directory) const {
  if (directory.empty()) return;
  Viewer viewer;
  viewer.see_below(root());
  std::error_code error;
  files::create_directories(directory, error);
  check(error, directory);
}

void NewImage::keep(Program program) {
  program.image.clear();
  program.volumes.clear();
  make_directory(program.directory);
  Json json = {{"name", name_}, {"created", now()}};
  json.update(to_json(program));
  std::ofstream file(directory_ + "/image.json");
  file << to_exact_json(json).dump(2) << "\n";
  file.close();
  if (!file) throw Failure(directory_ + "/image.json: " + std::strerror(errno));
  std::error_code error;
  files::rename(directory_, store + "/" + name_, error);
  check(error, store + "/" + name_);
  kept_ = true;
}

void remove_image(const Image& image) {
  std::error_code error;
  files::remove_all(image.directory, error);
  check(error, image.directory);
}

// A view's directories bear the numbers of those that they are views of.
std::optional<std::string> user_of(const Image& image) {
  struct stat root, seen;
  if (::stat(image.root().c_str(), &root) != 0) return std::nullopt;
  Viewer viewer;
  for (const ContainerStat& container : all()) {
    viewer.see(container.id);
    if (::stat("/", &seen) == 0 && seen.st_ino == root.st_ino) return container.name;
  }
  return std::nullopt;
}

std::uint64_t size_of(const Image& image) {
  constexpr std::uint64_t block = 512;
  std::uint64_t size = 0;
  std::error_code error;
  std::set<ino_t> counted;  // of files with several names
  // Without exceptions: the image may be removed meanwhile.
  for (files::recursive_directory_iterator at(image.root(), error), end; !error && at != end; at.increment(error)) {
    struct stat status;
    if (::lstat(at->path().c_str(), &status) != 0) continue;
    if (status.st_nlink > 1 && !S_ISDIR(status.st_mode) && !counted.insert(status.st_ino).second) continue;
    size += static_cast<std::uint64_t>(status.st_blocks) * block;
  }
  return size;
}

void apply_changes(Program& program, const std::vector<std::string>& changes) {
  for (const std::string& change : changes) {
    const std::size_t space = change.find(' ');
    const std::string what = change.substr(0, space), rest = space == std::string::npos ? "" : change.substr(space + 1);
    if (rest.empty()) throw Failure("--change " + change + ": a word and what it is to be are wanted, such as `CMD sh`");
    if (what == "CMD") {
      program.words = command_in(rest);
    } else if (what == "ENV") {
      const std::string variable = rest.find('=') == std::string::npos && rest.find(' ') != std::string::npos
                                       ? rest.substr(0, rest.find(' ')) + "=" + rest.substr(rest.find(' ') + 1)
                                       : rest;
      program.environment.push_back(variable);
    } else if (what == "WORKDIR") {
      program.directory = rest;
    } else {
      throw Failure("--change " + change + ": CMD, ENV and WORKDIR can be changed");
    }
  }
}

void add_change_option(CLI::App& word, std::vector<std::string>& changes) {
  word.add_option("-c,--change", changes, "what the image runs: `CMD sh`, `ENV NAME=VALUE`, `WORKDIR /place`")
      ->allow_extra_args(false);
}

}  // namespace cv6::box

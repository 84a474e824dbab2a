// `box cp`: files into containers and out of them, and from one to another.
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "archive.hpp"
#include "containers.hpp"
#include "copy_tree.hpp"
#include "failure.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

struct CopyOptions {
  std::string from, to;
  bool archive = false, follow = false;
};

const char* const usage = "CONTAINER:PATH, a path of the host, or `-` (a tar archive) are wanted";

// CONTAINER:PATH, or a path here. One that begins with / or . is here, whatever follows.
Place parse(const std::string& text, const Viewer& viewer) {
  const std::size_t colon = text.find(':');
  if (text.empty()) throw Failure(std::string("cp: ") + usage);
  if (text.front() == '/' || text.front() == '.' || colon == std::string::npos || colon == 0)
    return {viewer.here(), absolute_path(text), text};
  const std::string path = text.substr(colon + 1);
  return {find(text.substr(0, colon)).id, path.starts_with('/') ? path : "/" + path, text};
}

std::string last_component(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path.substr(path.rfind('/') + 1);
}

bool names_contents(const std::string& path) { return path.ends_with("/."); }

// Where the source goes, as docker has it: into a directory that is there, else to the name given.
Place target_for(Viewer& viewer, const Place& from, const struct stat& source, Place to) {
  viewer.see(to.container);
  struct stat target;
  const bool exists = ::stat(to.path.c_str(), &target) == 0;
  if (!exists && errno != ENOENT) throw system_failure(to.shown);
  if (exists && !S_ISDIR(target.st_mode)) {
    if (S_ISDIR(source.st_mode)) throw Failure(to.shown + ": is a file, and a directory is to be copied there");
    if (to.path.ends_with('/')) throw Failure(to.shown + ": is not a directory");
    return to;
  }
  if (!exists) {
    if (to.path.ends_with('/') && !S_ISDIR(source.st_mode)) throw Failure(to.shown + ": there is no such directory (`mkdir` makes it)");
    while (to.path.size() > 1 && to.path.ends_with('/')) to.path.pop_back();
    return to;
  }
  const std::string name = last_component(from.path);
  if ((S_ISDIR(source.st_mode) && names_contents(from.path)) || name.empty()) return to;
  const std::string separator = to.path.ends_with('/') ? "" : "/";
  return {to.container, to.path + separator + name, to.shown + (to.shown.ends_with('/') ? "" : "/") + name};
}

void unpack_into(Viewer& viewer, const Place& to, CopyRules::Owners owners) {
  viewer.see(to.container);
  struct stat target;
  if (::stat(to.path.c_str(), &target) != 0) throw system_failure(to.shown);
  if (!S_ISDIR(target.st_mode)) throw Failure(to.shown + ": is not a directory, and an archive is unpacked into one");
  unpack(STDIN_FILENO, to.path, "the archive", owners);
}

void pack_from(Viewer& viewer, const Place& from) {
  if (::isatty(STDOUT_FILENO)) throw Failure("cp: an archive is not written to a terminal (send it to a file: `> FILE`)");
  viewer.see(from.container);
  const std::string name = names_contents(from.path) ? "" : last_component(from.path);
  pack(from.path, name, STDOUT_FILENO, {});
}

void follow_link(Viewer& viewer, Place& from) {
  viewer.see(from.container);
  char resolved[PATH_MAX];
  if (!::realpath(from.path.c_str(), resolved)) throw system_failure(from.shown);
  from.path = resolved;
}

void copy(const CopyOptions& options) {
  Viewer viewer;
  CopyRules rules;
  rules.owners = options.archive ? CopyRules::Owners::keep : CopyRules::Owners::root;
  if (options.from == "-" && options.to == "-") throw Failure(std::string("cp: ") + usage);
  if (options.from == "-") return unpack_into(viewer, parse(options.to, viewer), rules.owners);
  Place from = parse(options.from, viewer);
  if (options.to == "-") return pack_from(viewer, from);
  const Place to = parse(options.to, viewer);
  if (from.container == viewer.here() && to.container == viewer.here())
    throw Failure(options.from + ", " + options.to + ": neither is in a container (`cp` copies here; CONTAINER:PATH names a container's)");
  if (options.follow) follow_link(viewer, from);
  viewer.see(from.container);
  struct stat source;
  std::string path = from.path;
  if (::lstat(path.c_str(), &source) != 0) throw system_failure(from.shown);
  const Place target = target_for(viewer, from, source, to);
  copy_tree(viewer, from, target, rules);
}

}  // namespace

void add_cp(CLI::App& box, int&) {
  auto options = std::make_shared<CopyOptions>();
  CLI::App& word = *box.add_subcommand("cp", "copy files between a container and the host");
  word.add_option("FROM", options->from, "CONTAINER:PATH, a path here, or `-`: a tar archive from the standard input")->required();
  word.add_option("TO", options->to, "the same; `-`: a tar archive to the standard output")->required();
  word.add_flag("-a,--archive", options->archive, "keep owners and groups (else root has the copies)");
  word.add_flag("-L,--follow-link", options->follow, "if FROM is a symbolic link, what it leads to");
  word.callback([options] { copy(*options); });
}

}  // namespace cv6::box

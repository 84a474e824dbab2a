// `box export`, `box import`: a container's files as an archive, and an image from an archive.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "archive.hpp"
#include "containers.hpp"
#include "descriptor.hpp"
#include "ending.hpp"
#include "failure.hpp"
#include "images.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

struct ExportOptions {
  std::string container, output;
};

// The name of what a descriptor leads to; empty: it has none.
std::string name_of_opened(int descriptor) {
  char path[PATH_MAX];
  const ssize_t size = ::readlink(("/proc/self/fd/" + std::to_string(descriptor)).c_str(), path, sizeof path);
  return size > 0 ? std::string(path, static_cast<std::size_t>(size)) : "";
}

// The file of `-o`, which goes again unless the archive in it is whole.
class OutputFile {
 public:
  explicit OutputFile(const std::string& path) : descriptor_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
    if (descriptor_ < 0) throw system_failure(path);
    name_ = name_of_opened(descriptor_);
  }
  ~OutputFile() {
    struct stat status;
    if (!whole_ && ::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode)) ::unlink(name_.c_str());
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  operator int() const { return descriptor_; }
  void keep() { whole_ = true; }

 private:
  Descriptor descriptor_;
  std::string name_;
  bool whole_ = false;
};

// A container that sees the host's files may see the archive that is being written.
void export_to(int descriptor, const ContainerStat& container) {
  CopyRules rules = image_rules();
  if (const std::string name = name_of_opened(descriptor); !name.empty()) rules.left_out.insert(name);
  Viewer viewer;
  viewer.see(container.id);
  pack("/", "", descriptor, rules);
}

void export_files(const ExportOptions& options) {
  const ContainerStat container = find(options.container);
  if (options.output.empty() || options.output == "-") {
    if (::isatty(STDOUT_FILENO)) throw Failure("export: an archive is not written to a terminal (use `-o FILE`)");
    return export_to(STDOUT_FILENO, container);
  }
  end_by_signals();
  OutputFile file(options.output);
  export_to(file, container);
  file.keep();
}

struct ImportOptions {
  std::string file, image;
  std::vector<std::string> changes;
};

// "alpine.tar.gz" makes an image `alpine`.
std::string name_for(const std::string& file) {
  std::string name = std::filesystem::path(file).filename();
  for (const char* ending : {".gz", ".xz", ".tgz", ".txz", ".tar", ".cpio"})
    if (name.ends_with(ending)) name.resize(name.size() - std::string_view(ending).size());
  return name;
}

// Where the system mounts what it offers.
void make_mount_points() {
  for (const auto& [path, mode] : {std::pair{"/proc", 0555}, std::pair{"/dev", 0755}, std::pair{"/tmp", 01777}})
    if (::mkdir(path, 0700) == 0) ::chmod(path, static_cast<mode_t>(mode));
}

void import_files(const ImportOptions& options) {
  const bool from_file = options.file != "-";
  if (!from_file && options.image.empty()) throw Failure("import: a name for the image is wanted (box import - NAME)");
  const Descriptor file(from_file ? ::open(options.file.c_str(), O_RDONLY | O_CLOEXEC) : -1);
  if (from_file && file < 0) throw system_failure(options.file);
  Program program;
  apply_changes(program, options.changes);
  end_by_signals();
  NewImage image(options.image.empty() ? name_for(options.file) : options.image);
  {
    Viewer viewer;
    viewer.see_below(image.root());
    unpack(from_file ? static_cast<int>(file) : STDIN_FILENO, "/", from_file ? options.file : "the archive", CopyRules::Owners::keep);
    make_mount_points();
  }
  image.keep(program);
  std::puts(options.image.empty() ? name_for(options.file).c_str() : options.image.c_str());
}

}  // namespace

void add_export(CLI::App& box, int&) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App& word = *box.add_subcommand("export", "write a container's files as a tar archive");
  word.add_option("CONTAINER", options->container, "name or id")->required();
  word.add_option("-o,--output", options->output, "to this file, not to the standard output");
  word.callback([options] { export_files(*options); });
}

void add_import(CLI::App& box, int&) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App& word = *box.add_subcommand("import", "make an image of an archive (tar or cpio, perhaps compressed by gzip or xz)");
  word.add_option("FILE", options->file, "the archive; `-`: the standard input")->required();
  word.add_option("IMAGE", options->image, "the image's name (else the file's)");
  add_change_option(word, options->changes);
  word.callback([options] { import_files(*options); });
}

}  // namespace cv6::box

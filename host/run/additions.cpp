#include "run/additions.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <set>

#include "image/archive_writer.hpp"
#include "image/tree.hpp"

namespace cv6::host {
namespace {

// What the image has already.
struct Names {
  std::set<std::string> folders, others;
};

Outcome<Names> names_of(const std::filesystem::path& image) {
  const std::unique_ptr<::archive, decltype(&archive_read_free)> reader(archive_read_new(), archive_read_free);
  archive_read_support_format_cpio(reader.get());
  if (archive_read_open_filename(reader.get(), image.c_str(), 1 << 16) != ARCHIVE_OK) {
    return failure("{}: {}", image.string(), archive_error_string(reader.get()));
  }
  Names names;
  archive_entry* entry = nullptr;
  while (archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {
    auto& kind = archive_entry_filetype(entry) == AE_IFDIR ? names.folders : names.others;
    kind.insert(ArchiveWriter::clean(archive_entry_pathname(entry)));
  }
  return names;
}

// Whether what the user names finds its place: a folder where a folder is or nothing, a file where no folder is. What
// a folder of theirs has in it may replace anything.
Outcome<> check_place(const Addition& addition, const Names& names) {
  std::error_code error;
  const bool folder = std::filesystem::is_directory(addition.host_path, error);
  const std::string place = ArchiveWriter::clean(addition.guest_path);
  if (!folder && names.folders.contains(place))
    return failure("{0}: /{1} is a folder in the guest (to put it in there, write {0}:/{1}/)", addition.host_path,
                   place);
  std::filesystem::path above = place;
  if (!folder) above = above.parent_path();
  for (; !above.empty(); above = above.parent_path()) {
    if (names.others.contains(above))
      return failure("{}: /{} is not a folder in the guest", addition.host_path, above.string());
  }
  return {};
}

// An archive begins at a multiple of the page size; an image that somebody else made may end anywhere.
Outcome<> pad_to_page(int file) {
  const off_t size = ::lseek(file, 0, SEEK_END);
  const off_t padded = (size + ArchiveWriter::page - 1) / ArchiveWriter::page * ArchiveWriter::page;
  if (size < 0 || ::ftruncate(file, padded) != 0 || ::lseek(file, padded, SEEK_SET) < 0)
    return system_failure("the image");
  return {};
}

}  // namespace

Outcome<> write_image_with(const std::vector<Addition>& additions, const std::filesystem::path& image,
                           const std::filesystem::path& output) {
  const Descriptor file = CV6_TRY(create_file(output));
  CV6_CHECK(append_file(file.number(), output, image));
  CV6_CHECK(pad_to_page(file.number()));
  ArchiveWriter archive(file.number(), output, 1);
  const Names names = CV6_TRY(names_of(image));
  // Folders of the image keep their modes: they are not made again as parents of what is added.
  for (const std::string& folder : names.folders) archive.assume_folder(folder);
  for (const Addition& addition : additions) {
    Outcome<> added = check_place(addition, names);
    if (added) added = add_tree(archive, addition.host_path, addition.guest_path);
    if (!added) return failure("--add {}", added.error().text);
  }
  return archive.finish();
}

}  // namespace cv6::host

#include "run/additions.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "image/archive_writer.hpp"
#include "image/tree.hpp"

namespace cv6::host {
namespace {

// Folders of the image keep their modes: they are not made again as parents of what is added.
Outcome<> assume_folders_of(const std::filesystem::path& image, ArchiveWriter& archive) {
  const std::unique_ptr<::archive, decltype(&archive_read_free)> reader(archive_read_new(), archive_read_free);
  archive_read_support_format_cpio(reader.get());
  if (archive_read_open_filename(reader.get(), image.c_str(), 1 << 16) != ARCHIVE_OK) {
    return failure("{}: {}", image.string(), archive_error_string(reader.get()));
  }
  archive_entry* entry = nullptr;
  while (archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {
    if (archive_entry_filetype(entry) == AE_IFDIR) archive.assume_folder(archive_entry_pathname(entry));
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
  CV6_CHECK(append_file(file.number(), image));
  CV6_CHECK(pad_to_page(file.number()));
  ArchiveWriter archive(file.number(), 1);
  CV6_CHECK(assume_folders_of(image, archive));
  for (const Addition& addition : additions) {
    const Outcome<> added = add_tree(archive, addition.host_path, addition.guest_path);
    if (!added) return failure("--add {}", added.error().text);
  }
  return archive.finish();
}

}  // namespace cv6::host

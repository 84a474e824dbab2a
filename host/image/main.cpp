// cv6-image: packs the guest's root file system as a manifest describes it (manifest.hpp) into a cpio archive
// (archive_writer.hpp). The archive appears under its name only when it is complete.
#include <CLI/CLI.hpp>
#include <cstdint>
#include <print>
#include <string>

#include "image/manifest.hpp"

using namespace cv6::host;

namespace {

Outcome<> write_image(const std::string& manifest, std::uint32_t modified, const std::string& output) {
  const std::string unfinished = output + ".new";
  {
    const Descriptor file = CV6_TRY(create_file(unfinished));
    ArchiveWriter archive(file.number(), unfinished, 0);
    CV6_CHECK(archive.folder("/", {.permissions = 0755, .modified = modified}));
    CV6_CHECK(add_manifest(archive, manifest, modified));
    CV6_CHECK(archive.finish());
  }
  std::error_code error;
  std::filesystem::rename(unfinished, output, error);
  if (error) return failure("{}: {}", output, error.message());
  return {};
}

}  // namespace

int main(int count, char** arguments) {
  CLI::App options("Packs the guest's root file system.");
  std::string manifest;
  std::string output;
  std::uint32_t modified = 0;
  options.add_option("--manifest", manifest, "what goes in")->required();
  options.add_option("--time", modified, "modification time of everything, in seconds since 1970");
  options.add_option("--output", output, "the archive to write")->required();
  CLI11_PARSE(options, count, arguments);
  const Outcome<> done = write_image(manifest, modified, output);
  if (done) return 0;
  std::println(stderr, "cv6-image: {}", done.error().text);
  return 1;
}

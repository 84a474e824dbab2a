// `box images`, `box rmi`.
#include <cstdio>
#include <memory>

#include "failure.hpp"
#include "images.hpp"
#include "table.hpp"
#include "time_text.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

struct ImagesOptions {
  bool quiet = false;
  Format format = Format::table;
};

std::string text_of(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

void list_images(const ImagesOptions& options) {
  const std::vector<Image> images = all_images();
  Table table({"NAME", "CREATED", "SIZE", "COMMAND"});
  const std::uint64_t time = now();
  for (const Image& image : images) {
    if (options.quiet) std::puts(image.name.c_str());
    Cell created(span_text(time - image.created) + " ago");
    created.json = json_string(moment_text(image.created));
    table.add({image.name, created, Cell::size(size_of(image)), text_of(image.program.words)});
  }
  if (!options.quiet) table.print(options.format);
}

struct RemoveOptions {
  std::vector<std::string> names;
  bool force = false;
};

void remove_one(const std::string& name, bool force) {
  const Image found = image(name);
  if (!force)
    if (const auto user = user_of(found))
      throw Failure(name + ": container " + *user + " uses it (`box rm " + *user + "` first; -f removes the image under it)");
  remove_image(found);
}

int remove_images(const RemoveOptions& options) {
  int status = 0;
  for (const std::string& name : options.names) {
    try {
      remove_one(name, options.force);
      std::puts(name.c_str());
    } catch (const Failure& failure) {
      report(failure);
      status = 1;
    }
  }
  return status;
}

}  // namespace

void add_images(CLI::App& box, int&) {
  auto options = std::make_shared<ImagesOptions>();
  CLI::App& word = *box.add_subcommand("images", "list the images");
  word.add_flag("-q,--quiet", options->quiet, "names only");
  add_format_option(word, options->format);
  word.callback([options] { list_images(*options); });
}

void add_rmi(CLI::App& box, int& status) {
  auto options = std::make_shared<RemoveOptions>();
  CLI::App& word = *box.add_subcommand("rmi", "remove images");
  word.add_option("IMAGE", options->names, "names")->required();
  word.add_flag("-f,--force", options->force, "also one that a container uses, which then misses what it has not changed");
  word.callback([options, &status] { status = remove_images(*options); });
}

}  // namespace cv6::box

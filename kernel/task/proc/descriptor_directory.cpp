// /proc/PID/fd and /proc/PID/fdinfo: the open files by number.
#include "fs/synthetic.hpp"
#include "task/proc/descriptor_text.hpp"
#include "task/proc/process_directory.hpp"
#include "task/proc/process_entries.hpp"

namespace cv6::proc {

namespace {

struct OpenFile {
  Ref<File> file;
  CloseOnExec close_on_exec = CloseOnExec::no;
};

// Error::noent: it is not open.
Result<OpenFile> open_file_of(const Subject& subject, int number) {
  OpenFile open = TRY(subject.inspect([&](Process& process) {
    OpenFile found;
    if (DescriptorTable* files = process.parts().files.get()) {
      if (auto file = files->get(number)) found.file = *std::move(file);
      if (auto marked = files->close_on_exec(number)) found.close_on_exec = *marked;
    }
    return found;
  }));
  if (!open.file) return Error::noent;
  return open;
}

// fd/N leads to what the file is, in whatever way it was opened.
class DescriptorLink final : public About<MagicLink> {
 public:
  DescriptorLink(const Subject& subject, int number, Mode mode, const Subject::Owner& owner)
      : About(subject, first_descriptor_part + static_cast<unsigned>(number), procfs(), mode, owner.user, owner.group),
        number_(number) {}

  Result<Path> target() override {
    return TRY(open_file_of(subject(), number_)).file->place();
  }
  Result<void> generate(Output& out) override {
    Ref<File> file = TRY(open_file_of(subject(), number_)).file;
    if (file->path()) return print_path(out, file->path());
    file->describe(out);
    return {};
  }

 private:
  int number_;
};

class DescriptionFile final : public About<SyntheticFile> {
 public:
  DescriptionFile(const Subject& subject, int number, const Subject::Owner& owner)
      : About(subject, first_description_part + static_cast<unsigned>(number), procfs(), 0400, owner.user, owner.group),
        number_(number) {}

  Result<void> generate(TextBuffer& out) override {
    const auto [file, close_on_exec] = TRY(open_file_of(subject(), number_));
    print_descriptor(out, {.position = file->position(),
                           .flags = file->flags(),
                           .close_on_exec = close_on_exec == CloseOnExec::yes,
                           .mount = file->path() ? file->path().mount->id() : 0,
                           .inode = file->inode().number()});
    file->print_details(out);
    return {};
  }

 private:
  int number_;
};

// What a link's mode says: how the file was opened.
Mode link_mode(const File& file) { return (file.readable() ? 0500u : 0u) | (file.writable() ? 0300u : 0u); }

int parse_descriptor(std::string_view name) { return name == "0" ? 0 : parse_number(name) ? parse_number(name) : -1; }

class DescriptorDirectory final : public About<SyntheticDirectory> {
 public:
  enum class Shows : std::uint8_t { links, descriptions };

  DescriptorDirectory(const Subject& subject, const ProcessEntry& entry, const Subject::Owner& owner, Shows shows)
      : About(subject, entry.part(), procfs(), entry.mode, owner.user, owner.group), shows_(shows) {
    set_dynamic();
  }

  Result<Ref<Inode>> child(std::string_view name) override {
    const int number = parse_descriptor(name);
    if (number < 0 || number >= static_cast<int>(first_descriptor_part)) return Error::noent;
    const Ref<File> file = TRY(open_file_of(subject(), number)).file;
    const Subject::Owner owner = subject().owner(Subject::OwnerOf::undumpable);
    if (shows_ == Shows::links) return make<DescriptorLink>(subject(), number, link_mode(*file), owner);
    return make<DescriptionFile>(subject(), number, owner);
  }

  // Positions are the descriptors' numbers.
  Result<void> list(std::uint64_t& position, DirectorySink& sink) override {
    const std::uint64_t first_part = shows_ == Shows::links ? first_descriptor_part : first_description_part;
    const FileType type = shows_ == Shows::links ? FileType::symlink : FileType::regular;
    const auto next_open = [&](unsigned from) {
      return subject().inspect([from](Process& process) {
        return process.parts().files ? process.parts().files->next(from) : -1;
      });
    };
    int number;
    while ((number = TRY(next_open(static_cast<unsigned>(position - first_dynamic_position)))) >= 0) {
      const std::uint64_t next = first_dynamic_position + static_cast<unsigned>(number) + 1;
      char name[12];
      if (!sink.entry(format_to(name, "{}", number), subject().inode_number(first_part + static_cast<unsigned>(number)),
                      type, next))
        return {};
      position = next;
    }
    return {};
  }

 private:
  Shows shows_;
};

Result<Ref<Inode>> make_directory(const Subject& subject, const ProcessEntry& entry, DescriptorDirectory::Shows shows) {
  return make<DescriptorDirectory>(subject, entry, subject.owner(Subject::OwnerOf::undumpable), shows);
}

}  // namespace

Result<Ref<Inode>> make_descriptor_directory(const Subject& subject, const ProcessEntry& entry) {
  return make_directory(subject, entry, DescriptorDirectory::Shows::links);
}

Result<Ref<Inode>> make_description_directory(const Subject& subject, const ProcessEntry& entry) {
  return make_directory(subject, entry, DescriptorDirectory::Shows::descriptions);
}

}  // namespace cv6::proc

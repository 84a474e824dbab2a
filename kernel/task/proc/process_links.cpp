// /proc/PID/{exe,cwd,root}: links that lead to a place directly.
#include "task/proc/process_entries.hpp"

namespace cv6::proc {

namespace {

class PlaceLink final : public About<MagicLink> {
 public:
  // The place of a process that the caller may look at. Error::acces; noent: it has none (any more).
  using PlaceOf = Result<Path> (*)(const Subject& subject);

  PlaceLink(const Subject& subject, const ProcessEntry& entry, const Subject::Owner& owner, PlaceOf place_of)
      : About(subject, entry.part(), procfs(), entry.mode, owner.user, owner.group), place_of_(place_of) {}

  Result<Path> target() override { return place_of_(subject()); }
  Result<void> generate(Output& out) override { return print_path(out, TRY(target())); }

 private:
  PlaceOf place_of_;
};

Result<Ref<Inode>> make_link(const Subject& subject, const ProcessEntry& entry, PlaceLink::PlaceOf place_of) {
  return make<PlaceLink>(subject, entry, subject.owner(Subject::OwnerOf::undumpable), place_of);
}

// A directory of its FsContext.
Result<Path> directory_of(const Subject& subject, Path (FsContext::*directory)() const) {
  Path path = TRY(subject.inspect([&](Process& process) {
    return process.parts().fs ? (process.fs().*directory)() : Path();
  }));
  if (!path) return Error::noent;
  return path;
}

}  // namespace

Result<Ref<Inode>> make_executable_link(const Subject& subject, const ProcessEntry& entry) {
  return make_link(subject, entry, [](const Subject& of) -> Result<Path> {
    const auto executable = TRY(of.inspect([](Process& process) { return process.parts().executable; }));
    if (!executable) return Error::noent;
    return executable->path();
  });
}

Result<Ref<Inode>> make_working_directory_link(const Subject& subject, const ProcessEntry& entry) {
  return make_link(subject, entry, [](const Subject& of) { return directory_of(of, &FsContext::working_directory); });
}

Result<Ref<Inode>> make_root_link(const Subject& subject, const ProcessEntry& entry) {
  return make_link(subject, entry, [](const Subject& of) { return directory_of(of, &FsContext::root); });
}

}  // namespace cv6::proc

// /proc/PID/{exe,cwd,root}: links that lead to a place directly.
#include "task/proc/process_entries.hpp"

namespace cv6::proc {

namespace {

class PlaceLink final : public About<MagicLink> {
 public:
  // The place of a process. Error::noent: it has none (any more).
  using PlaceOf = Result<Path> (*)(Process& process);

  PlaceLink(const Subject& subject, const ProcessEntry& entry, const Subject::Owner& owner, PlaceOf place_of)
      : About(subject, entry.part(), procfs(), entry.mode, owner.user, owner.group), place_of_(place_of) {}

  Result<Path> target() override {
    Ref<Process> process = TRY(subject().inspected_process());
    return place_of_(*process);
  }
  Result<void> generate(Output& out) override { return print_path(out, TRY(target())); }

 private:
  PlaceOf place_of_;
};

Result<Ref<Inode>> make_link(const Subject& subject, const ProcessEntry& entry, PlaceLink::PlaceOf place_of) {
  return make<PlaceLink>(subject, entry, subject.owner(Subject::OwnerOf::undumpable), place_of);
}

}  // namespace

Result<Ref<Inode>> make_executable_link(const Subject& subject, const ProcessEntry& entry) {
  return make_link(subject, entry, [](Process& process) -> Result<Path> {
    Path path = process.executable();
    if (!path) return Error::noent;
    return path;
  });
}

Result<Ref<Inode>> make_working_directory_link(const Subject& subject, const ProcessEntry& entry) {
  return make_link(subject, entry, [](Process& process) -> Result<Path> {
    Ref<FsContext> context = process.hold_fs();
    if (!context) return Error::noent;
    return context->working_directory();
  });
}

Result<Ref<Inode>> make_root_link(const Subject& subject, const ProcessEntry& entry) {
  return make_link(subject, entry, [](Process& process) -> Result<Path> {
    Ref<FsContext> context = process.hold_fs();
    if (!context) return Error::noent;
    return context->root();
  });
}

}  // namespace cv6::proc

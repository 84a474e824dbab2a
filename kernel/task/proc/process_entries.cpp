#include "task/proc/process_entries.hpp"

namespace cv6::proc {

namespace {

using enum ProcessEntry::Where;
using enum ProcessEntry::Access;

constexpr ProcessEntry text(std::string_view name, Mode mode, ProcessEntry::Access access,
                            ProcessEntry::Generate generate, ProcessEntry::Store store = nullptr) {
  return {name, FileType::regular, mode, both, access, make_text_file, generate, store};
}
constexpr ProcessEntry directory(std::string_view name, Mode mode, ProcessEntry::Where where, ProcessEntry::Make make) {
  return {name, FileType::directory, mode, where, anybody, make};
}
constexpr ProcessEntry link(std::string_view name, ProcessEntry::Make make) {
  return {name, FileType::symlink, 0777, both, inspectors, make};
}

constexpr ProcessEntry entries[] = {
    directory("task", 0555, process, make_task_directory),
    directory("fd", 0500, both, make_descriptor_directory),
    directory("fdinfo", 0500, both, make_description_directory),
    text("environ", 0400, inspectors, generate_environment),
    text("auxv", 0400, inspectors, generate_auxiliary_vector),
    text("status", 0444, anybody, generate_status),
    text("personality", 0400, inspectors, generate_personality),
    text("limits", 0444, anybody, generate_limits),
    text("comm", 0644, anybody, generate_comm, store_comm),
    text("cmdline", 0444, anybody, generate_command_line),
    text("stat", 0444, anybody, generate_stat),
    text("statm", 0444, anybody, generate_statm),
    text("maps", 0444, inspectors, generate_maps),
    {"children", FileType::regular, 0444, thread, anybody, make_text_file, generate_children},
    {"mem", FileType::regular, 0600, both, inspectors, make_memory_file},
    link("cwd", make_working_directory_link),
    link("root", make_root_link),
    link("exe", make_executable_link),
    text("mounts", 0444, anybody, generate_mounts),
    text("mountinfo", 0444, anybody, generate_mountinfo),
    text("smaps", 0444, inspectors, generate_smaps),
    text("smaps_rollup", 0444, inspectors, generate_smaps_rollup),
    text("wchan", 0444, anybody, generate_wchan),
    text("cgroup", 0444, anybody, generate_cgroup),
    text("io", 0400, inspectors, generate_io),
#ifdef CV6_DEBUG
    text("fail-nth", 0600, inspectors, generate_fail_nth, store_fail_nth),
    text("make-it-fail", 0600, inspectors, generate_make_it_fail, store_make_it_fail),
#endif
};

// A text about a subject.
class ProcessFile final : public About<SyntheticFile> {
 public:
  ProcessFile(const Subject& subject, const ProcessEntry& entry, const Subject::Owner& owner)
      : About(subject, entry.part(), procfs(), entry.mode, owner.user, owner.group), entry_(entry) {}

  Result<Ref<File>> open(const Path& path, OpenFlags flags) override {
    TRY(check_access());
    return SyntheticFile::open(path, flags);
  }
  Result<void> generate(TextBuffer& out) override {
    TRY(check_access());
    return entry_.generate(subject(), out);
  }
  Result<void> store(std::string_view text) override {
    if (!entry_.store) return Error::inval;
    TRY(check_access());
    return entry_.store(subject(), text);
  }

 private:
  // When it is opened and again when it is read: the process may have become another user's.
  Result<void> check_access() const {
    TRY(entry_.access == inspectors ? subject().inspected_process() : subject().process());
    return {};
  }
  const ProcessEntry& entry_;
};

}  // namespace

std::span<const ProcessEntry> process_entries() { return entries; }

std::uint64_t ProcessEntry::part() const { return static_cast<std::uint64_t>(this - entries) + 1; }

Result<Ref<Inode>> make_text_file(const Subject& subject, const ProcessEntry& entry) {
  return make<ProcessFile>(subject, entry, subject.owner(Subject::OwnerOf::undumpable));
}

}  // namespace cv6::proc

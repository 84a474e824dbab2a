// What /proc/PID and /proc/PID/task/TID contain: one row for each file.
#pragma once

#include <span>

#include "fs/synthetic.hpp"
#include "task/proc/subject.hpp"

namespace cv6::proc {

struct ProcessEntry {
  enum class Where : std::uint8_t { process, thread, both };
  // Who may open it, besides what its mode says: anybody, or those who may inspect the process.
  enum class Access : std::uint8_t { anybody, inspectors };
  // Makes its inode; the rest is for text files.
  using Make = Result<Ref<Inode>> (*)(const Subject& subject, const ProcessEntry& entry);
  using Generate = Result<void> (*)(const Subject& subject, TextBuffer& out);
  using Store = Result<void> (*)(const Subject& subject, std::string_view text);

  std::string_view name;
  FileType type;
  Mode mode;
  Where where;
  Access access;
  Make make;
  Generate generate = nullptr;
  Store store = nullptr;

  bool is_in(const Subject& subject) const {
    return where == Where::both || (where == Where::thread) == subject.is_thread();
  }
  std::uint64_t part() const;  // its place in the table, from 1: part 0 is the directory itself
};

std::span<const ProcessEntry> process_entries();

// --- the makers ------------------------------------------------------------------------------------------------------
Result<Ref<Inode>> make_text_file(const Subject& subject, const ProcessEntry& entry);
Result<Ref<Inode>> make_task_directory(const Subject& subject, const ProcessEntry& entry);
Result<Ref<Inode>> make_descriptor_directory(const Subject& subject, const ProcessEntry& entry);
Result<Ref<Inode>> make_description_directory(const Subject& subject, const ProcessEntry& entry);
Result<Ref<Inode>> make_memory_file(const Subject& subject, const ProcessEntry& entry);
Result<Ref<Inode>> make_executable_link(const Subject& subject, const ProcessEntry& entry);
Result<Ref<Inode>> make_working_directory_link(const Subject& subject, const ProcessEntry& entry);
Result<Ref<Inode>> make_root_link(const Subject& subject, const ProcessEntry& entry);

// --- the texts -------------------------------------------------------------------------------------------------------
// process_files.cpp
Result<void> generate_stat(const Subject& subject, TextBuffer& out);
Result<void> generate_statm(const Subject& subject, TextBuffer& out);
Result<void> generate_status(const Subject& subject, TextBuffer& out);
Result<void> generate_limits(const Subject& subject, TextBuffer& out);
Result<void> generate_io(const Subject& subject, TextBuffer& out);
Result<void> generate_comm(const Subject& subject, TextBuffer& out);
Result<void> store_comm(const Subject& subject, std::string_view text);
Result<void> generate_cgroup(const Subject& subject, TextBuffer& out);
Result<void> generate_wchan(const Subject& subject, TextBuffer& out);
Result<void> generate_personality(const Subject& subject, TextBuffer& out);
Result<void> generate_children(const Subject& subject, TextBuffer& out);
// memory_files.cpp
Result<void> generate_command_line(const Subject& subject, TextBuffer& out);
Result<void> generate_environment(const Subject& subject, TextBuffer& out);
Result<void> generate_auxiliary_vector(const Subject& subject, TextBuffer& out);
Result<void> generate_maps(const Subject& subject, TextBuffer& out);
Result<void> generate_smaps(const Subject& subject, TextBuffer& out);
Result<void> generate_smaps_rollup(const Subject& subject, TextBuffer& out);
// failure_files.cpp
Result<void> generate_fail_nth(const Subject& subject, TextBuffer& out);
Result<void> store_fail_nth(const Subject& subject, std::string_view text);
Result<void> generate_make_it_fail(const Subject& subject, TextBuffer& out);
Result<void> store_make_it_fail(const Subject& subject, std::string_view text);
// mount_files.cpp
Result<void> generate_mounts(const Subject& subject, TextBuffer& out);
Result<void> generate_mountinfo(const Subject& subject, TextBuffer& out);

}  // namespace cv6::proc

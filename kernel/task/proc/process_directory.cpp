#include "task/proc/process_directory.hpp"

#include "task/proc/process_entries.hpp"

namespace cv6::proc {

int parse_number(std::string_view text) {
  if (text.empty() || text.size() > 9 || text[0] == '0') return 0;
  const auto value = parse_unsigned(text, 10);
  return value ? static_cast<int>(*value) : 0;
}

Result<Ref<Inode>> ProcessDirectory::create(Subject subject) {
  const Subject::Owner owner = subject.owner(Subject::OwnerOf::everything);
  return make<ProcessDirectory>(std::move(subject), owner);
}

ProcessDirectory::ProcessDirectory(Subject subject, const Subject::Owner& owner)
    : About(std::move(subject), 0, procfs(), 0555, owner.user, owner.group) {
  set_dynamic();
}

Result<Ref<Inode>> ProcessDirectory::child(std::string_view name) {
  for (const ProcessEntry& entry : process_entries())
    if (entry.name == name && entry.is_in(subject())) {
      TRY(subject().process());
      return entry.make(subject(), entry);
    }
  return Error::noent;
}

Result<void> ProcessDirectory::list(std::uint64_t& position, DirectorySink& sink) {
  if (!subject().process()) return Error::noent;
  const auto entries = process_entries();
  for (; position - first_dynamic_position < entries.size(); ++position) {
    const ProcessEntry& entry = entries[position - first_dynamic_position];
    if (!entry.is_in(subject())) continue;
    if (!sink.entry(entry.name, subject().inode_number(entry.part()), entry.type, position + 1)) return {};
  }
  return {};
}

TaskDirectory::TaskDirectory(Subject subject, std::uint64_t part, const Subject::Owner& owner)
    : About(std::move(subject), part, procfs(), 0555, owner.user, owner.group) {
  set_dynamic();
}

Result<Ref<Inode>> TaskDirectory::child(std::string_view name) {
  const int number = parse_number(name);
  if (number == 0) return Error::noent;
  return ProcessDirectory::create(TRY(subject().with_thread(number)));
}

Result<void> TaskDirectory::list(std::uint64_t& position, DirectorySink& sink) {
  const Result<Ref<Process>> process = subject().process();
  if (!process) return Error::noent;
  // Positions are the threads' numbers.
  while (Ref<UserThread> thread =
             next_thread(**process, viewer(), static_cast<int>(position - first_dynamic_position) - 1)) {
    const int number = thread_info(*thread, viewer()).number;
    const std::uint64_t next = first_dynamic_position + static_cast<std::uint64_t>(number) + 1;
    char name[12];
    if (!sink.entry(format_to(name, "{}", number), Subject::thread_inode_number(number), FileType::directory, next))
      return {};
    position = next;
  }
  return {};
}

Result<Ref<Inode>> make_task_directory(const Subject& subject, const ProcessEntry& entry) {
  return make<TaskDirectory>(subject, entry.part(), subject.owner(Subject::OwnerOf::everything));
}

}  // namespace cv6::proc

// /proc/PID and /proc/PID/task/TID.
#pragma once

#include "fs/synthetic.hpp"
#include "task/proc/subject.hpp"

namespace cv6::proc {

class ProcessDirectory final : public About<SyntheticDirectory> {
 public:
  static Result<Ref<Inode>> create(Subject subject);
  explicit ProcessDirectory(Subject subject, const Subject::Owner& owner);

  Result<Ref<Inode>> child(std::string_view name) override;
  Result<void> list(std::uint64_t& position, DirectorySink& sink) override;
};

// /proc/PID/task: the threads.
class TaskDirectory final : public About<SyntheticDirectory> {
 public:
  TaskDirectory(Subject subject, std::uint64_t part, const Subject::Owner& owner);
  Result<Ref<Inode>> child(std::string_view name) override;
  Result<void> list(std::uint64_t& position, DirectorySink& sink) override;
};

// A positive decimal number without anything else; 0: not one.
int parse_number(std::string_view text);

}  // namespace cv6::proc

// Which process, or which of its threads, a file below /proc/PID is about; and whether whoever looks may know.
//
// A subject holds numbers (Pids), not the process: a file that stays open keeps nothing alive, and its number is not
// given to another process meanwhile. Each look asks anew, on behalf of the process that looks at that moment: a
// descriptor that is handed on shows no more than its holder may see.
#pragma once

#include "fs/inode.hpp"
#include "task/process_info.hpp"
#include "task/process_tree.hpp"

namespace cv6::proc {

// The container through whose eyes the calling thread sees.
inline Container& viewer() { return Process::current().container(); }

class Subject {
 public:
  // By the numbers that the viewer uses. Error::noent: there is no such process or thread, as far as it may know.
  static Result<Subject> of_process(int number);
  Result<Subject> with_thread(int number) const;

  bool is_thread() const { return static_cast<bool>(thread_); }
  const Pid& pid() const { return thread_ ? *thread_ : *process_; }
  // Error::srch: it is gone, or the viewer may not see it.
  Result<Ref<Process>> process() const;
  // The thread; of a process some thread. Error::srch: gone, or a zombie.
  Result<Ref<UserThread>> thread() const;
  // process(), if the caller may look at its memory, files and environment: at this moment. Error::acces.
  Result<Ref<Process>> inspected_process() const;
  // What take(process) returns, called under the process's lock, if the caller may look at that. Error::acces.
  template <class Take>
  auto inspect(Take take) const -> Result<decltype(take(std::declval<Process&>()))> {
    Ref<Process> process = TRY(this->process());
    SpinGuard guard(process->lock());
    if (!may_inspect(Process::current(), *process)) return Error::acces;
    return take(*process);
  }
  // Its memory. Error::acces. Null: it has let go of it.
  Result<Ref<AddressSpace>> inspected_memory() const {
    return inspect([](Process& process) { return process.parts().address_space; });
  }
  // As the viewer has it: of the process; 0: gone.
  int number() const;

  // Who owns its files: the process's effective user and group.
  struct Owner {
    std::uint32_t user = 0, group = 0;
  };
  enum class OwnerOf : std::uint8_t {
    everything,
    undumpable
  };  // undumpable: what of a process that may not be dumped is root's
  Owner owner(OwnerOf what) const;

  // A number for an inode, the same whenever it is asked for: `part` tells the files of one subject apart.
  static constexpr std::uint64_t parts = 1 << 23;
  std::uint64_t inode_number(std::uint64_t part) const;
  // Of the directory of the process or thread that the viewer knows by this number.
  static std::uint64_t process_inode_number(int number);
  static std::uint64_t thread_inode_number(int number);

 private:
  explicit Subject(Ref<Pid> process, Ref<Pid> thread = nullptr)
      : process_(std::move(process)), thread_(std::move(thread)) {}

  Ref<Pid> process_;
  Ref<Pid> thread_;  // null: about the whole process
};

// Of the parts of a subject: its entries by their place in the table; its descriptors' links and descriptions.
inline constexpr std::uint64_t first_descriptor_part = 1 << 20, first_description_part = 2 << 20;

// A synthetic inode about a subject, with a number that is the same at every lookup.
template <class Base>
class About : public Base {
 public:
  template <class... Args>
  About(Subject subject, std::uint64_t part, Args&&... args)
      : Base(std::forward<Args>(args)...), subject_(std::move(subject)), number_(subject_.inode_number(part)) {}

  FileStatus status() override {
    FileStatus status = Base::status();
    status.number = number_;
    return status;
  }

 protected:
  const Subject& subject() const { return subject_; }

 private:
  Subject subject_;
  std::uint64_t number_;
};

// The one procfs.
const Ref<FileSystem>& procfs();

// A path as the calling process sees it, with " (deleted)" where its name is gone. Error::nametoolong, Error::nomem.
Result<void> print_path(Output& out, const Path& path);

}  // namespace cv6::proc

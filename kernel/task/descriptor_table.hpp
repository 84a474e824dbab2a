// The open files of a process by number, close-on-exec flags, and the search for the lowest free number. Shared by
// clone(CLONE_FILES) and by the threads of a process.
//
// While one thread alone uses the table, that thread looks files up without lock or count: nobody else can close them
// during its call. share() ends that for good, and is called before a second user exists. Changes always take the lock,
// because others may list the table.
//
//   auto file = TRY(process.files().use(fd));     // held for the scope of `file`
//   file->read(...)
#pragma once

#include <atomic>

#include "container/descriptor_numbers.hpp"
#include "fs/file.hpp"
#include "lib/ref.hpp"
#include "lib/vector.hpp"
#include "mm/payer.hpp"
#include "sync/spin_lock.hpp"

namespace cv6 {

enum class CloseOnExec : std::uint8_t { no, yes };

class DescriptorTable : public Counted<DescriptorTable>, public Charged<DescriptorTable, "descriptor_table", 1024> {
 public:
  // `numbers`: where its descriptors are numbered and counted, which outlives them; null: nowhere.
  static Result<Ref<DescriptorTable>> create(DescriptorNumbers* numbers);
  // fork(2): the same files under the same numbers, each as it was at some moment meanwhile: of more than some hundred, others
  // may open and close some between. Error::again: more than the container may have; nomem.
  Result<Ref<DescriptorTable>> copy();
  ~DescriptorTable();  // closes everything

  // A file that a system call uses; does not outlive the call.
  class Use {
   public:
    Use(Use&& other) noexcept : file_(other.file_), counted_(std::exchange(other.counted_, false)) {}
    Use& operator=(Use&&) = delete;
    ~Use() {
      if (counted_) file_->release();
    }
    File* operator->() const { return file_; }
    File& operator*() const { return *file_; }
    File* get() const { return file_; }
    Ref<File> ref() const { return Ref<File>(file_); }

   private:
    friend class DescriptorTable;
    Use(File* file, bool counted) : file_(file), counted_(counted) {}
    File* file_;
    bool counted_;
  };
  // By a thread that uses this table. Error::badf.
  Result<Use> use(int number) {
    const bool shared = shared_;
    File* const file = shared ? hold_shared(number) : file_at(number);
    if (!file) [[unlikely]] return Error::badf;
    return Use(file, shared);
  }
  // The same while the table is not shared: of many files, one after the other.
  Result<File*> use_own(int number) {
    File* const file = file_at(number);
    if (!file) [[unlikely]] return Error::badf;
    return file;
  }
  // By anybody (procfs); a file of one's own.
  Result<Ref<File>> get(int number);

  // The lowest free number not less than `lowest`, below `limit` (RLIMIT_NOFILE). Error::mfile, Error::nomem; Error::inval
  // when `lowest` >= limit (F_DUPFD). The file is then closed by its Ref. Error::mfile as well: more than the container
  // may have.
  Result<int> add(Ref<File> file, CloseOnExec close_on_exec, std::uint64_t limit, int lowest = 0) {
    const int number = TRY(take_number(file.get(), close_on_exec, limit, lowest));
    (void)file.leak();
    return number;
  }

  // A number that is taken before there is a file for it: for who must not be told afterwards that there is none. Until it
  // is filled, nobody finds a file there (Error::badf) or may put one there (Error::busy).
  class Reservation {
   public:
    Reservation(Reservation&& other) noexcept : table_(std::exchange(other.table_, nullptr)), number_(other.number_) {}
    Reservation& operator=(Reservation&&) = delete;
    ~Reservation() {
      if (table_) table_->give_back(number_);
    }
    int fill(Ref<File> file, CloseOnExec close_on_exec) {
      std::exchange(table_, nullptr)->fill(number_, std::move(file), close_on_exec);
      return static_cast<int>(number_);
    }

   private:
    friend class DescriptorTable;
    Reservation(DescriptorTable& table, int number) : table_(&table), number_(static_cast<unsigned>(number)) {}
    DescriptorTable* table_;
    unsigned number_;
  };
  // The lowest free number below `limit`; fails as add().
  Result<Reservation> reserve_number(std::uint64_t limit) {
    return Reservation(*this, TRY(take_number(nullptr, CloseOnExec::no, limit, 0)));
  }

  // Two at once, or none (pipe, socketpair).
  Result<void> add_pair(Ref<File> first, Ref<File> second, CloseOnExec close_on_exec, std::uint64_t limit, int (&numbers)[2]);
  // dup2(2), dup3(2) without the case of equal numbers: `to` refers to the file; what it was is closed. Error::badf when
  // `to` is beyond the limit; mfile; busy when another thread has reserved it.
  Result<void> put(int to, Ref<File> file, CloseOnExec close_on_exec, std::uint64_t limit);
  // Takes it out of the table; the caller closes it (outside of all locks) by dropping the Ref: close(2). Error::badf.
  Result<Ref<File>> remove(int number);
  // close_range(2): numbers first..last, closed or (only_mark) marked close-on-exec.
  enum class CloseRange : std::uint8_t { close, mark };
  void close_range(unsigned first, unsigned last, CloseRange how);

  Result<CloseOnExec> close_on_exec(int number);
  Result<void> set_close_on_exec(int number, CloseOnExec value);
  void close_marked();  // exec(3)
  void close_all();
  // Every file for which `wanted(file, context)` says so: leave() closes what was opened inside a container.
  void close_if(bool (*wanted)(const File& file, const void* context), const void* context);

  // join(), leave(), while nobody else changes the table: from now on its descriptors have numbers further down in the tree of
  // containers (Error::again: too many there; nomem), or further up again (null: nowhere).
  Result<void> move_down_to(DescriptorNumbers& numbers);
  void move_up_to(DescriptorNumbers* numbers);
  // What the container calls descriptor `number`; -1: it has no number, or is not open.
  std::int64_t container_number(int number);

  // For listing: the first number not less than `from` that is open; -1: none.
  int next(unsigned from);
  unsigned open_count() const { return open_.load(std::memory_order_relaxed); }
  unsigned capacity() const { return static_cast<unsigned>(files_.size()); }

  // From now on more than one thread uses the table.
  void share() { shared_ = true; }
  // One thread is left, the caller, and the table is its process's alone (exec).
  void unshare() { shared_ = false; }
  bool shared() const { return shared_; }

  template <class T, class... Args>
  friend Result<Ref<T>> make(Args&&...);

 private:
  DescriptorTable() = default;
  // Null: the number is not open.
  File* file_at(int number) const {
    return static_cast<unsigned>(number) < files_.size() ? files_[static_cast<unsigned>(number)] : nullptr;
  }
  File* hold_shared(int number);
  Result<int> take_number(File* file, CloseOnExec close_on_exec, std::uint64_t limit, int lowest);
  void fill(unsigned number, Ref<File> file, CloseOnExec close_on_exec);
  void give_back(unsigned number);
  Result<void> reserve(unsigned wanted);  // while it is nobody else's
  void use_numbers_of(const DescriptorTable& other);
  Result<void> take_over(const DescriptorTable& other, unsigned from, unsigned end);
  void renumber(DescriptorNumbers* numbers);
  unsigned used_extent();
  unsigned used_extent_locked() const REQUIRES(lock_);
  Result<void> make_room(unsigned number);
  unsigned find_free(unsigned lowest) const REQUIRES(lock_);
  bool is_used(unsigned number) const REQUIRES(lock_);
  void set(unsigned number, File* file, CloseOnExec close_on_exec) REQUIRES(lock_);
  void free_number(unsigned number) REQUIRES(lock_);
  File* clear(unsigned number) REQUIRES(lock_);
  // The first file from `from` to `last` that is in `which` (used_ or close_on_exec_), taken out; `from` moves behind it.
  File* take_next(unsigned& from, unsigned last, const Vector<std::uint64_t>& which);
  void close_each(unsigned first, unsigned last, const Vector<std::uint64_t>& which);
  void close_file(File* file);

  // files_ is read by use() without the lock, by the only thread that changes it then.
  SpinLock lock_{Rank::descriptors};
  bool shared_ = false;
  Vector<File*> files_;                                      // each holds a count
  Vector<std::uint64_t> used_;                               // bit n: number n is open or reserved
  Vector<std::uint64_t> close_on_exec_;
  unsigned first_free_word_ GUARDED_BY(lock_) = 0;           // no free number in the words of used_ before this one
  std::atomic<unsigned> open_{0};
  DescriptorNumbers* numbers_ GUARDED_BY(lock_) = nullptr;
  Vector<std::uint32_t> container_numbers_ GUARDED_BY(lock_);  // for each place in files_, if there are numbers_
};

}  // namespace cv6

#include "task/descriptor_table.hpp"

#include "fs/file_locks.hpp"
#include "sched/pace.hpp"

namespace cv6 {

namespace {

constexpr unsigned word_bits = 64;
constexpr unsigned none = ~0u;
// A table may have a million descriptors: so many at most are gone through under its lock.
constexpr unsigned at_once = 32 * word_bits;
constexpr std::uint64_t bit(unsigned number) { return std::uint64_t{1} << (number % word_bits); }

// The first number from `from` on that is in `which`, or `none`.
unsigned first_in(const Vector<std::uint64_t>& which, unsigned from) {
  std::uint64_t below = bit(from) - 1;
  for (std::size_t word = from / word_bits; word < which.size(); ++word, below = 0)
    if (const std::uint64_t rest = which[word] & ~below)
      return static_cast<unsigned>(word) * word_bits + static_cast<unsigned>(__builtin_ctzll(rest));
  return none;
}

}  // namespace

Result<Ref<DescriptorTable>> DescriptorTable::create(DescriptorNumbers* numbers) NO_THREAD_SAFETY_ANALYSIS {
  Ref<DescriptorTable> table = TRY(make<DescriptorTable>());
  table->numbers_ = numbers;
  TRY(table->reserve(word_bits));
  return table;
}

DescriptorTable::~DescriptorTable() { close_all(); }

Result<void> DescriptorTable::reserve(unsigned wanted) NO_THREAD_SAFETY_ANALYSIS {
  const unsigned size = (wanted + word_bits - 1) / word_bits * word_bits;
  TRY(files_.resize(size));
  TRY(used_.resize(size / word_bits));
  TRY(close_on_exec_.resize(size / word_bits));
  if (numbers_) TRY(container_numbers_.resize(size));
  return {};
}

Result<Ref<DescriptorTable>> DescriptorTable::copy() {
  Ref<DescriptorTable> fresh = TRY(make<DescriptorTable>());
  fresh->use_numbers_of(*this);
  for (unsigned from = 0;; sched::maybe_yield()) {
    // Memory first; others may add files to a shared table meanwhile.
    TRY(fresh->reserve(std::max({used_extent(), fresh->capacity(), word_bits})));
    SpinGuard guard(lock_);
    const unsigned end = std::min(from + at_once, fresh->capacity());
    TRY(fresh->take_over(*this, from, end));
    from = end;
    if (used_extent_locked() <= end) return fresh;
  }
}

unsigned DescriptorTable::used_extent() {
  SpinGuard guard(lock_);
  return used_extent_locked();
}

// Numbers from here on are free.
unsigned DescriptorTable::used_extent_locked() const {
  for (std::size_t word = used_.size(); word-- > 0;)
    if (used_[word]) return static_cast<unsigned>(word + 1) * word_bits;
  return 0;
}

// The fresh table is nobody else's yet; the other one's lock is held.
void DescriptorTable::use_numbers_of(const DescriptorTable& other) NO_THREAD_SAFETY_ANALYSIS { numbers_ = other.numbers_; }

Result<void> DescriptorTable::take_over(const DescriptorTable& other, unsigned from,
                                        unsigned end) NO_THREAD_SAFETY_ANALYSIS {
  for (std::size_t word = from / word_bits; word < end / word_bits && word < other.used_.size(); ++word) {
    for (std::uint64_t rest = other.used_[word]; rest; rest &= rest - 1) {
      const std::size_t number = word * word_bits + static_cast<unsigned>(__builtin_ctzll(rest));
      if (!other.files_[number]) continue;  // reserved there
      if (numbers_) {
        auto added = numbers_->add();
        if (!added) return Error::again;
        container_numbers_[number] = *added;
      }
      files_[number] = other.files_[number];
      files_[number]->hold();
      used_[word] |= rest & -rest;
      open_.store(open_count() + 1, std::memory_order_relaxed);
    }
    close_on_exec_[word] = other.close_on_exec_[word] & used_[word];
    if (first_free_word_ == word && used_[word] == ~std::uint64_t{0}) ++first_free_word_;
  }
  return {};
}

// Not inline: what use() does where nothing is shared is a few instructions.
[[gnu::noinline]] File* DescriptorTable::hold_shared(int number) {
  SpinGuard guard(lock_);
  File* file = file_at(number);
  if (file) file->hold();
  return file;
}

Result<Ref<File>> DescriptorTable::get(int number) {
  SpinGuard guard(lock_);
  File* file = file_at(number);
  if (!file) return Error::badf;
  return Ref<File>(file);
}

// --- numbers ----------------------------------------------------------------------------------------------------------

// The lowest free number not less than `lowest`: perhaps one beyond the table's end.
unsigned DescriptorTable::find_free(unsigned lowest) const {
  std::size_t word = lowest / word_bits;
  std::uint64_t below = bit(lowest) - 1;  // counts as taken
  if (word < first_free_word_) {
    word = first_free_word_;
    below = 0;
  }
  for (; word < used_.size(); ++word, below = 0)
    if (const std::uint64_t free = ~(used_[word] | below))
      return static_cast<unsigned>(word) * word_bits + static_cast<unsigned>(__builtin_ctzll(free));
  const unsigned end = static_cast<unsigned>(used_.size()) * word_bits;
  return lowest > end ? lowest : end;
}

bool DescriptorTable::is_used(unsigned number) const { return used_[number / word_bits] & bit(number); }

void DescriptorTable::set(unsigned number, File* file, CloseOnExec close_on_exec) {
  files_[number] = file;
  std::uint64_t& word = used_[number / word_bits];
  word |= bit(number);
  if (number / word_bits == first_free_word_)
    while (first_free_word_ < used_.size() && used_[first_free_word_] == ~std::uint64_t{0}) ++first_free_word_;
  if (close_on_exec == CloseOnExec::yes)
    close_on_exec_[number / word_bits] |= bit(number);
  else
    close_on_exec_[number / word_bits] &= ~bit(number);
  open_.store(open_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

File* DescriptorTable::clear(unsigned number) {
  if (number >= files_.size() || !files_[number]) return nullptr;
  free_number(number);
  return std::exchange(files_[number], nullptr);
}

void DescriptorTable::free_number(unsigned number) {
  used_[number / word_bits] &= ~bit(number);
  close_on_exec_[number / word_bits] &= ~bit(number);
  if (number / word_bits < first_free_word_) first_free_word_ = number / word_bits;
  open_.store(open_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  if (numbers_) numbers_->remove(container_numbers_[number]);
}

// Makes room for `number`, doubling. The vectors are replaced under the lock, but made and freed outside of it.
Result<void> DescriptorTable::make_room(unsigned number) {
  unsigned size = word_bits;
  while (size <= number) size *= 2;
  Vector<File*> files;
  Vector<std::uint64_t> used, close_on_exec;
  Vector<std::uint32_t> container_numbers;
  TRY(container_numbers.resize(size));
  TRY(files.resize(size));
  TRY(used.resize(size / word_bits));
  TRY(close_on_exec.resize(size / word_bits));
  SpinGuard guard(lock_);
  if (files_.size() > number) return {};
  std::copy(files_.begin(), files_.end(), files.begin());
  std::copy(used_.begin(), used_.end(), used.begin());
  std::copy(close_on_exec_.begin(), close_on_exec_.end(), close_on_exec.begin());
  std::swap(files_, files);
  std::swap(used_, used);
  std::swap(close_on_exec_, close_on_exec);
  if (!numbers_) return {};
  std::copy(container_numbers_.begin(), container_numbers_.end(), container_numbers.begin());
  std::swap(container_numbers_, container_numbers);
  return {};
}

// The table's count of the file is the caller's; null: reserved.
Result<int> DescriptorTable::take_number(File* file, CloseOnExec close_on_exec, std::uint64_t limit, int lowest) {
  if (lowest < 0 || static_cast<std::uint64_t>(lowest) >= limit) return lowest == 0 ? Error::mfile : Error::inval;
  while (true) {
    unsigned number;
    {
      SpinGuard guard(lock_);
      number = find_free(static_cast<unsigned>(lowest));
      if (number >= limit) return Error::mfile;
      if (number < files_.size()) {
        if (numbers_) container_numbers_[number] = TRY(numbers_->add());
        set(number, file, close_on_exec);
        return static_cast<int>(number);
      }
    }
    TRY(make_room(number));
  }
}

void DescriptorTable::fill(unsigned number, Ref<File> file, CloseOnExec close_on_exec) {
  SpinGuard guard(lock_);
  files_[number] = file.leak();
  if (close_on_exec == CloseOnExec::yes) close_on_exec_[number / word_bits] |= bit(number);
}

void DescriptorTable::give_back(unsigned number) {
  SpinGuard guard(lock_);
  free_number(number);
}

Result<void> DescriptorTable::add_pair(Ref<File> first, Ref<File> second, CloseOnExec close_on_exec, std::uint64_t limit,
                                       int (&numbers)[2]) {
  numbers[0] = TRY(add(std::move(first), close_on_exec, limit));
  auto other = add(std::move(second), close_on_exec, limit);
  if (!other) {
    (void)remove(numbers[0]);
    return other.error();
  }
  numbers[1] = *other;
  return {};
}

Result<void> DescriptorTable::put(int to, Ref<File> file, CloseOnExec close_on_exec, std::uint64_t limit) {
  if (to < 0 || static_cast<std::uint64_t>(to) >= limit) return Error::badf;
  const auto number = static_cast<unsigned>(to);
  if (number >= files_.size()) TRY(make_room(number));
  File* old;
  {
    SpinGuard guard(lock_);
    old = files_[number];
    if (!old && is_used(number)) return Error::busy;
    if (!old && numbers_) container_numbers_[number] = TRY(numbers_->add());
    if (old) open_.store(open_count() - 1, std::memory_order_relaxed);
    set(number, file.leak(), close_on_exec);
  }
  close_file(old);
  return {};
}

// --- closing ----------------------------------------------------------------------------------------------------------

// POSIX: a process loses its record locks on a file with any descriptor of it that it closes, fcntl(2).
void DescriptorTable::close_file(File* file) {
  if (!file) return;
  if (file->inode().may_have_locks()) drop_record_locks(file->inode(), this);
  file->release();
}

Result<Ref<File>> DescriptorTable::remove(int number) {
  File* file;
  {
    SpinGuard guard(lock_);
    file = clear(static_cast<unsigned>(number));
  }
  if (!file) return Error::badf;
  if (file->inode().may_have_locks()) drop_record_locks(file->inode(), this);
  return Ref<File>::adopt(file);
}

File* DescriptorTable::take_next(unsigned& from, unsigned last, const Vector<std::uint64_t>& which) {
  SpinGuard guard(lock_);
  while ((from = first_in(which, from)) <= last && from != none)
    if (File* file = clear(from++)) return file;  // else: reserved
  return nullptr;
}

void DescriptorTable::close_each(unsigned first, unsigned last, const Vector<std::uint64_t>& which) {
  sched::Pace pace;
  for (; File* file = take_next(first, last, which); pace.step()) close_file(file);
}

void DescriptorTable::close_range(unsigned first, unsigned last, CloseRange how) {
  if (how == CloseRange::close) return close_each(first, last, used_);
  SpinGuard guard(lock_);
  for (std::size_t word = first / word_bits; word < used_.size() && word <= last / word_bits; ++word) {
    std::uint64_t marked = used_[word];
    if (word == first / word_bits) marked &= ~(bit(first) - 1);
    if (word == last / word_bits) marked &= bit(last) | (bit(last) - 1);
    close_on_exec_[word] |= marked;
  }
}

void DescriptorTable::close_marked() { close_each(0, none - word_bits, close_on_exec_); }

void DescriptorTable::close_all() { close_each(0, none - word_bits, used_); }

void DescriptorTable::close_if(bool (*wanted)(const File& file, const void* context), const void* context) {
  sched::Pace pace;
  for (int at = -1; (at = next(static_cast<unsigned>(at) + 1)) >= 0; pace.step()) {
    auto file = get(at);
    if (file && wanted(**file, context)) (void)remove(at);
  }
}

Result<CloseOnExec> DescriptorTable::close_on_exec(int number) {
  SpinGuard guard(lock_);
  const auto index = static_cast<unsigned>(number);
  if (index >= files_.size() || !files_[index]) return Error::badf;
  return close_on_exec_[index / word_bits] & bit(index) ? CloseOnExec::yes : CloseOnExec::no;
}

Result<void> DescriptorTable::set_close_on_exec(int number, CloseOnExec value) {
  SpinGuard guard(lock_);
  const auto index = static_cast<unsigned>(number);
  if (index >= files_.size() || !files_[index]) return Error::badf;
  if (value == CloseOnExec::yes)
    close_on_exec_[index / word_bits] |= bit(index);
  else
    close_on_exec_[index / word_bits] &= ~bit(index);
  return {};
}

Result<void> DescriptorTable::move_down_to(DescriptorNumbers& numbers) {
  Vector<std::uint32_t> room;
  TRY(room.resize(capacity()));
  {
    SpinGuard guard(lock_);
    if (!numbers.counter().charge(open_count(), numbers_ ? &numbers_->counter() : nullptr)) return Error::again;
    if (!numbers_) std::swap(container_numbers_, room);
  }
  renumber(&numbers);
  return {};
}

void DescriptorTable::move_up_to(DescriptorNumbers* numbers) {
  {
    SpinGuard guard(lock_);
    numbers_->counter().uncharge(open_count(), numbers ? &numbers->counter() : nullptr);
  }
  renumber(numbers);
}

// The table changes only here meanwhile; who lists it may find some descriptors renumbered already, and others not yet.
void DescriptorTable::renumber(DescriptorNumbers* numbers) {
  for (unsigned from = 0;; sched::maybe_yield()) {
    SpinGuard guard(lock_);
    const unsigned end = std::min(from + at_once, capacity());
    for (; (from = first_in(used_, from)) < end; ++from) {
      if (numbers_) numbers_->forget(container_numbers_[from]);
      if (numbers) container_numbers_[from] = numbers->number();
    }
    if (from == none) {
      numbers_ = numbers;
      return;
    }
  }
}

std::int64_t DescriptorTable::container_number(int number) {
  SpinGuard guard(lock_);
  const auto index = static_cast<unsigned>(number);
  if (!numbers_ || index >= files_.size() || !files_[index]) return -1;
  return container_numbers_[index] == DescriptorNumbers::none ? -1 : std::int64_t{container_numbers_[index]};
}

int DescriptorTable::next(unsigned from) {
  SpinGuard guard(lock_);
  while ((from = first_in(used_, from)) != none && !files_[from]) ++from;  // reserved
  return static_cast<int>(from);
}

}  // namespace cv6

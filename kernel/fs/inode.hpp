// An inode: one file, directory, link, device or pipe, whatever names it has. A FileSystem: where inodes live.
//
// Ownership. An inode is counted (through MemoryObject): names in a directory, dentries, open files and mappings hold it.
// It holds its file system; a file system holds no inodes, so nothing goes in a circle. When the last Ref goes the
// contents go with it.
//
// Locks. Attributes are single atomic values, read without a lock (stat may so see a chown half done, as on Linux).
// `mutex()` is a sleeping lock: of a directory, it covers its entries; of a file, changes of its contents and size; of
// both, changes of attributes by operations.hpp. Reading a file's contents takes no lock. Order: parent directory before
// child, directory before file, and the lower address first between two unrelated ones (sched/mutex.hpp).
//
// Operations of directories are called by fs/operations.cpp and fs/walk.cpp with the mutex of each directory involved
// held, and after all checks that are the same everywhere: names are valid and not . or .., permissions hold, the
// directory is not removed, source and target are of one file system, a target that must not exist does not. What they do
// not support they answer with Error::perm (POSIX' word for it) by default.
#pragma once

#include <atomic>
#include <span>
#include <string_view>

#include "fs/types.hpp"
#include "lib/ref.hpp"
#include "lib/result.hpp"
#include "sched/mutex.hpp"
#include "vm/page_cache.hpp"

namespace cv6 {

class Dentry;
class File;
class FileLocks;
class Inode;
class PageCache;
class Pipe;
struct Path;
struct Caller;
namespace cow {
class ViewFileSystem;
}

class FileSystem : public Counted<FileSystem> {
 public:
  virtual ~FileSystem() = default;
  virtual std::string_view type_name() const = 0;  // as in /proc/filesystems
  virtual FileSystemStatus status() = 0;           // statfs(2)
  // How a container's view shows this file system when it is mounted below the view's root: copied on write, as it is
  // (procfs, whose contents depend on who looks), or as a new one of its kind (devpts), of which make_instance() gives the
  // root.
  enum class InView : std::uint8_t { copied_on_write, as_it_is, new_instance };
  virtual InView in_view() const { return InView::copied_on_write; }
  virtual Result<Ref<Dentry>> make_instance();

  // Not null for copy-on-write views.
  virtual cow::ViewFileSystem* as_view() { return nullptr; }

  DeviceNumber device() const { return device_; }  // unique while the system runs
  std::uint64_t next_number() { return next_number_.fetch_add(1, std::memory_order_relaxed); }
  // Held while a directory moves to another parent: only then may the shape of the tree of directories change.
  Mutex& rename_mutex() { return rename_mutex_; }

  // --- for mounts ---
  void mounted() { mounts_.fetch_add(1, std::memory_order_relaxed); }
  // True: it was the last mount, and no dentries are cached any more.
  bool unmounted() { return mounts_.fetch_sub(1, std::memory_order_acq_rel) == 1; }
  // Nobody sees it any more; what it keeps for later may go (views).
  virtual void last_unmounted() {}
  bool is_mounted() const { return mounts_.load(std::memory_order_acquire) != 0; }

 protected:
  FileSystem();

 private:
  DeviceNumber device_;
  std::atomic<std::uint32_t> mounts_{0};
  std::atomic<std::uint64_t> next_number_{1};
  Mutex rename_mutex_;
};

// A file that is to be made.
struct NewInode {
  FileType type = FileType::regular;
  Mode mode = 0;  // after umask
  std::uint32_t user = 0;
  std::uint32_t group = 0;
  DeviceNumber represents = 0;    // devices
  std::string_view link_target = {};  // symlinks
};

// Takes directory entries one by one, while the directory is locked. User memory is not touched then: a fault there may want
// the lock of a file, and who changes names has those of files before that of a directory.
class DirectorySink {
 public:
  // `next`: the position to go on from after this entry. False: it is full, this entry was not taken.
  virtual bool entry(std::string_view name, std::uint64_t number, FileType type, std::uint64_t next) = 0;
  // Passes on what it has taken, when nothing is locked any more. `position`: where to go on, which is set back if not all
  // of it arrived. False: nothing did.
  virtual bool deliver([[maybe_unused]] std::uint64_t& position) { return true; }
  // Where a sink that takes entries in pieces keeps how many bytes of the next one it has taken: the open file remembers it.
  // Null: it takes whole ones.
  virtual std::uint8_t* taken_of_next() { return nullptr; }

 protected:
  ~DirectorySink() = default;
};

// How long a dentry for an entry (or for the absence of one) of a directory stays true.
enum class EntryCaching : std::uint8_t {
  until_changed,  // all changes go through operations.hpp
  by_version,     // while entries_version() stays what it was (copy-on-write views: the directory below changes as well)
  never,          // ask every time (procfs)
};

enum class RenameMode : std::uint8_t { replace, no_replace, exchange };

// fallocate(2)
enum class Allocate : std::uint8_t { extend, keep_size, punch_hole, zero_range, zero_range_keep_size };
// lseek(2) SEEK_DATA and SEEK_HOLE
enum class Extent : std::uint8_t { data, hole };

class Inode : public MemoryObject {
 public:
  struct Identity {
    FileType type;
    Mode mode;
    std::uint32_t user = 0;
    std::uint32_t group = 0;
    DeviceNumber represents = 0;
  };
  // `number`: 0 takes the file system's next one. Times are now.
  Inode(Ref<FileSystem> file_system, const Identity& identity, std::uint64_t number = 0);
  ~Inode() override;

  // --- attributes -----------------------------------------------------------------------------------------------------
  FileSystem& file_system() const { return *file_system_; }
  std::uint64_t number() const { return number_; }
  FileType type() const { return type_; }
  bool is_directory() const { return type_ == FileType::directory; }
  bool is_symlink() const { return type_ == FileType::symlink; }
  bool is_regular() const { return type_ == FileType::regular; }
  DeviceNumber represents() const { return represents_; }
  Mode mode() const { return shown().mode_.load(std::memory_order_relaxed); }
  std::uint32_t user() const { return shown().user_.load(std::memory_order_relaxed); }
  std::uint32_t group() const { return shown().group_.load(std::memory_order_relaxed); }
  std::uint32_t links() const { return shown().links_.load(std::memory_order_relaxed); }
  std::uint64_t size() const { return shown().size_.load(std::memory_order_acquire); }  // pairs with set_size
  Nanoseconds access_time() const { return shown().access_time_.load(std::memory_order_relaxed); }
  Nanoseconds modify_time() const { return shown().modify_time_.load(std::memory_order_relaxed); }
  Nanoseconds change_time() const { return shown().change_time_.load(std::memory_order_relaxed); }
  Nanoseconds birth_time() const { return birth_time_; }
  virtual FileStatus status();  // everything at once, for stat(2)

  // Plain setters, for file systems: of an inode that is_own().
  void set_mode(Mode mode) { mode_.store(mode, std::memory_order_relaxed); }
  void set_owner(std::uint32_t user, std::uint32_t group);
  void set_links(std::uint32_t links) { links_.store(links, std::memory_order_relaxed); }
  void set_size(std::uint64_t size) { size_.store(size, std::memory_order_release); }
  void set_access_time(Nanoseconds time) { access_time_.store(time, std::memory_order_relaxed); }
  void set_modify_time(Nanoseconds time) { modify_time_.store(time, std::memory_order_relaxed); }
  void set_change_time(Nanoseconds time) { change_time_.store(time, std::memory_order_relaxed); }
  void touch_changed();      // ctime = now
  void touch_modified();     // mtime = ctime = now
  void touch_accessed();     // atime = now if it would be news (older than mtime, ctime or a day: relatime)

  struct AttributeChange {
    bool mode = false, owner = false, access_time = false, modify_time = false;
    Mode new_mode = 0;
    std::uint32_t new_user = 0, new_group = 0;
    Nanoseconds new_access_time = 0, new_modify_time = 0;
  };
  // Sets what is marked, and ctime. mutex() is held. Override to refuse, or to store.
  virtual Result<void> change_attributes(const AttributeChange& change);

  Mutex& mutex() { return mutex_; }

  // --- copy on write --------------------------------------------------------------------------------------------------
  // An inode of a view shows attributes and contents of another inode (the lower one, which may be of a view itself)
  // until its first change: take_over() makes both its own.
  bool is_own() const { return shows_.load(std::memory_order_acquire) == nullptr; }
  // The inode whose attributes and contents this one shows now: itself, if it is its own.
  const Inode& shown() const {
    const Inode* at = this;
    while (const Inode* lower = at->shows_.load(std::memory_order_acquire)) at = lower;  // acquire: pairs with take_over
    return *at;
  }
  Inode& shown() { return const_cast<Inode&>(static_cast<const Inode*>(this)->shown()); }
  // Error::nomem. May sleep, with an address space locked.
  virtual Result<void> take_over() { return {}; }

  // --- directories (mutex() is held by the caller; see above) ---------------------------------------------------------
  // Error::noent: no such entry.
  virtual Result<Ref<Inode>> lookup(std::string_view name);
  virtual Result<Ref<Inode>> create(std::string_view name, const NewInode& wanted);  // all types
  virtual Result<Ref<Inode>> create_unnamed(const NewInode& wanted);                 // O_TMPFILE: link count 0
  virtual Result<void> link(std::string_view name, Inode& target);
  virtual Result<void> unlink(std::string_view name, Inode& victim);            // not a directory
  virtual Result<void> remove_directory(std::string_view name, Inode& victim);  // Error::notempty
  // `source` is what `name` names; `target` what `to_name` names in `to_directory`, null if nothing. RenameMode::replace
  // may find a target (of a matching kind; a directory must be empty: Error::notempty); exchange does.
  virtual Result<void> rename(std::string_view name, Inode& source, Inode& to_directory, std::string_view to_name,
                              Inode* target, RenameMode mode);
  // Entries from `position` on, without . and ..; positions are >= first_position, stay valid while entries come and go
  // (telldir(3)): an entry that is there all the time is seen exactly once. Updates `position`.
  static constexpr std::uint64_t first_position = 2;  // 0 and 1 are . and ..
  virtual Result<void> iterate(std::uint64_t& position, DirectorySink& sink);
  EntryCaching entry_caching() const { return entry_caching_; }
  virtual std::uint64_t entries_version() const { return own_changes(); }
  std::uint64_t own_changes() const { return version_.load(std::memory_order_acquire); }
  void entries_changed() { version_.fetch_add(1, std::memory_order_release); }  // by operations.cpp at each change
  // A directory that rmdir removed: nothing is created there any more. A file that has lost its last name, or was made
  // to have none (O_TMPFILE | O_EXCL): it gets none any more. Under mutex().
  bool removed() const { return removed_; }
  void set_removed() { removed_ = true; }

  // --- symlinks -------------------------------------------------------------------------------------------------------
  // The target's text; returns its length, cut to `to`.
  virtual Result<std::size_t> read_link(std::span<char> to);
  // A magic link (/proc/PID/{fd/N,exe,cwd,root}) leads to a place directly instead of through its text.
  virtual bool is_magic_link() const { return false; }
  virtual Result<Path> follow_magic_link();

  // --- contents -------------------------------------------------------------------------------------------------------
  // A file description for it; permissions have been checked. May block (fifos: see fifo(7)) if `flags` lacks nonblock.
  // operations.cpp tells the File its path, flags and credentials. The default knows regular files, directories, fifos
  // and devices.
  virtual Result<Ref<File>> open(const Path& path, OpenFlags flags);
  // Sets the size; mutex() is held. Error::fbig, Error::nospc.
  virtual Result<void> truncate(std::uint64_t size);
  virtual Result<void> allocate(Allocate how, std::uint64_t offset, std::uint64_t length);  // mutex() is held
  // The next offset >= `from` of that kind. Error::nxio: none.
  virtual Result<std::uint64_t> seek_extent(Extent kind, std::uint64_t from);
  // The pages of a regular file that is kept in them (fs/paged_inode.hpp); null for everything else.
  virtual PageCache* page_cache() { return nullptr; }

  // Who is charged for memory that is used on behalf of this inode (a fifo's pipe).
  virtual GuestMemory& charged_to() { return GuestMemory::host(); }
  // The fifo's pipe while somebody has it open (fs/pipe.hpp).
  std::atomic<Pipe*>& pipe_slot() { return pipe_; }

  // --- executing and writing exclude each other (ETXTBSY) ------------------------------------------------------------
  Result<void> begin_writing();    // at open for writing. Error::txtbsy
  void end_writing();
  Result<void> begin_executing();  // while a process executes it. Error::txtbsy
  void end_executing();

  // --- locks (fs/file_locks.hpp) --------------------------------------------------------------------------------------
  std::atomic<FileLocks*>& locks_slot() { return locks_; }
  bool may_have_locks() const { return locks_.load(std::memory_order_acquire) != nullptr; }

  // --- MemoryObject: not mappable unless overridden -------------------------------------------------------------------
  Result<FrameRef> page_for_mapping(std::uint64_t index, Intent intent) override;
  PageCache* cache_for_mapping() override { return nullptr; }
  void modified_by_mapping() override { touch_modified(); }
  Label label() override { return {file_system_->device(), number_}; }

 protected:
  void set_entry_caching(EntryCaching caching) { entry_caching_ = caching; }
  void set_birth_time(Nanoseconds time) { birth_time_ = time; }
  // From now on it shows `lower`, which the caller keeps alive / itself, with the attributes that it showed so far.
  void show(const Inode& lower) { shows_.store(&lower, std::memory_order_release); }
  void copy_shown_attributes();
  void show_own() { shows_.store(nullptr, std::memory_order_release); }

 private:
  Ref<FileSystem> file_system_;
  std::uint64_t number_;
  FileType type_;
  EntryCaching entry_caching_ = EntryCaching::until_changed;
  bool removed_ = false;
  DeviceNumber represents_;
  std::atomic<const Inode*> shows_{nullptr};
  std::atomic<Mode> mode_;
  std::atomic<std::uint32_t> user_;
  std::atomic<std::uint32_t> group_;
  std::atomic<std::uint32_t> links_;
  std::atomic<std::int32_t> writers_{0};  // > 0: open for writing so often; < 0: executed so often
  std::atomic<std::uint64_t> size_{0};
  std::atomic<Nanoseconds> access_time_;
  std::atomic<Nanoseconds> modify_time_;
  std::atomic<Nanoseconds> change_time_;
  Nanoseconds birth_time_;
  std::atomic<std::uint64_t> version_{0};
  std::atomic<Pipe*> pipe_{nullptr};
  std::atomic<FileLocks*> locks_{nullptr};
  Mutex mutex_;
};

}  // namespace cv6

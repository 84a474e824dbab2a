// Directories of a view: listing them.
//
// A listing goes level by level: the entries made at the top, those made at the level below that are not hidden by the top,
// ..., at last the directory that all stand on. A position is the level and the position within it, so both stay valid
// while entries come and go. An entry that stands in the place of a name below is listed in that place, so that a file
// which is changed while a program lists its directory is listed once; only if the name below has gone it is listed where
// the entries of its level are.
#include <cstring>

#include "fs/cow/inodes.hpp"
#include "sched/pace.hpp"

namespace cv6::cow {

namespace {

constexpr unsigned level_shift = 48;
constexpr std::uint64_t within_level = (std::uint64_t{1} << level_shift) - 1;

constexpr std::uint64_t position_of(unsigned level, std::uint64_t within) {
  return std::uint64_t{level} << level_shift | within;
}

// What a name found at level `level` is from above; false: hidden on the way up.
struct Seen {
  std::uint64_t number;
  FileType type;
};
bool seen_from_above(const Levels& levels, unsigned level, std::string_view name, Seen& seen) {
  while (level-- > 0) {
    Directory& directory = levels[level];
    {
      SpinGuard guard(directory.view().lock());
      if (const Entry* entry = directory.find(name)) {
        if (!entry->inode || !entry->from_below) return false;
        seen = {entry->inode->number(), entry->inode->type()};
        continue;
      }
    }
    if (directory.view().hidden(seen.number)) return false;
  }
  return true;
}

bool exists_below(const Levels& levels, unsigned level, std::string_view name) {
  unsigned found_at;
  return levels.find(name, level + 1, found_at).has_value();
}

// The entries of one level's own. False: the sink is full.
bool list_level(const Levels& levels, unsigned level, std::uint64_t& position, DirectorySink& sink) {
  CopiedEntry entry;
  for (sched::Pace pace; copy_next(levels[level], position & within_level, entry); pace.step()) {
    const std::uint64_t next = position_of(level, entry.cookie + 1);
    if (entry.inode && !(entry.from_below && exists_below(levels, level, entry.name()))) {
      Seen seen{entry.inode->number(), entry.inode->type()};
      if (seen_from_above(levels, level, entry.name(), seen) &&
          !sink.entry(entry.name(), seen.number, seen.type, next))
        return false;
    }
    position = next;
  }
  return true;
}

// Passes on what the lowest directory lists, as it is seen from the top.
class BaseSink final : public DirectorySink {
 public:
  BaseSink(const Levels& levels, DirectorySink& sink) : levels_(levels), sink_(sink) {}
  bool entry(std::string_view name, std::uint64_t number, FileType type, std::uint64_t next) override {
    pace_.step();  // all of them may be hidden
    Seen seen{number, type};
    if (!seen_from_above(levels_, levels_.count(), name, seen)) return true;
    return sink_.entry(name, seen.number, seen.type, position_of(levels_.count(), next));
  }

 private:
  const Levels& levels_;
  DirectorySink& sink_;
  sched::Pace pace_;
};

class AnyEntry final : public DirectorySink {
 public:
  bool entry(std::string_view, std::uint64_t, FileType, std::uint64_t) override {
    found = true;
    return false;
  }
  bool found = false;
};

}  // namespace

bool copy_next(Directory& directory, std::uint64_t from, CopiedEntry& copy) {
  copy.inode = nullptr;
  SpinGuard guard(directory.view().lock());
  const Entry* entry = directory.first_from(from);
  if (!entry) return false;
  copy.size = entry->name().text.size();
  std::memcpy(copy.bytes, entry->name().text.data(), copy.size);
  copy.cookie = entry->cookie;
  copy.inode = entry->inode;
  copy.from_below = entry->from_below;
  return true;
}

Result<void> Directory::iterate(std::uint64_t& position, DirectorySink& sink) {
  const Levels levels(*this);
  for (auto level = static_cast<unsigned>(position >> level_shift); level < levels.count(); ++level) {
    if (!list_level(levels, level, position, sink)) return {};
    position = position_of(level + 1, first_position);
  }
  Inode* base = levels.base();
  if (!base || position >> level_shift != levels.count()) return {};
  BaseSink base_sink(levels, sink);
  std::uint64_t within = position & within_level;
  MutexGuard guard(base->mutex());
  TRY(base->iterate(within, base_sink));
  position = position_of(levels.count(), within);
  return {};
}

Result<bool> Directory::is_empty() {
  AnyEntry any;
  std::uint64_t position = first_position;
  TRY(iterate(position, any));
  return !any.found;
}

}  // namespace cv6::cow

// The limits of containers: the options that set them, and their names.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>

#include "cv6/container.hpp"

namespace cv6::box {

struct LimitKind {
  ContainerLimit::Kind kind;
  const char* name;     // the option, without the dashes
  const char* what;     // its help
  enum class Unit { number, bytes } unit;
};
extern const LimitKind limit_kinds[];
extern const std::size_t limit_kind_count;

// --pids, --files ...: as they were given.
class LimitOptions {
 public:
  void add_to(CLI::App& word);
  void set_default(ContainerLimit::Kind kind, std::uint64_t value);  // unless it was given
  void apply(int container) const;  // throws Failure
  bool empty() const { return values_.empty(); }

 private:
  std::map<const LimitKind*, std::uint64_t> values_;
};

// The counters of one kind. Throws Failure.
ContainerLimit limit_of(int container, ContainerLimit::Kind kind);

}  // namespace cv6::box

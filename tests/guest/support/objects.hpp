#pragma once
// The kernel's counters of its objects, for what looks for leaks.

#include <map>
#include <string>

namespace cv6::guest {

// How many kernel objects of each kind there are, and how many frames are in use ("frames"): /proc/cv6/objects.
using ObjectCounts = std::map<std::string, long>;
ObjectCounts count_objects();

// Kinds that come and go with what else the machine remembers: names that were looked up with the tables of their
// directories, and the caches' own pages, which depend on what processor did what. They may rise while a story is told, by
// some dozens of frames in a hundred stories on four processors, but not each time it is told: what is lost with each
// story does.
bool is_cache(const std::string& kind);

// Without those.
ObjectCounts lasting(ObjectCounts counts);

// What is in `after` more than in `before`, for people; empty: nothing.
std::string growth(const ObjectCounts& before, const ObjectCounts& after);

}  // namespace cv6::guest

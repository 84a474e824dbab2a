#include "support/objects.hpp"

#include <fstream>

namespace cv6::guest {

ObjectCounts count_objects() {
  ObjectCounts counts;
  std::ifstream lines("/proc/cv6/objects");
  for (std::string kind; lines >> kind;) {
    std::string name;
    long size = 0, count = 0;
    if (kind == "object") {
      lines >> name >> size >> count;
      counts[name] = count;
    } else if (kind == "frames") {
      lines >> size >> count;
      counts[kind] = size - count;
    } else {
      lines >> name >> count;
      counts[kind + " of " + name] = count;
    }
  }
  return counts;
}

bool is_cache(const std::string& kind) {
  return kind == "frames" || kind == "dentry" || kind == "memory of -1" || kind.starts_with("size-");
}

ObjectCounts lasting(ObjectCounts counts) {
  std::erase_if(counts, [](const auto& entry) { return is_cache(entry.first); });
  return counts;
}

std::string growth(const ObjectCounts& before, const ObjectCounts& after) {
  std::string text;
  for (const auto& [name, count] : after) {
    const auto old = before.find(name);
    const long more = count - (old == before.end() ? 0 : old->second);
    if (more > 0) text += name + " +" + std::to_string(more) + "; ";
  }
  return text;
}

}  // namespace cv6::guest

// From a node inside an element back to the element: what every intrusive container needs.
#pragma once

#include <cstdint>

namespace cv6 {

template <auto node>
struct ContainerOf;

template <class T, class Node, Node T::* node>
struct ContainerOf<node> {
  [[clang::no_sanitize("undefined")]] static T* of(const Node* item) {
    constexpr std::uintptr_t base = 4096;  // where a T might lie; only the distance to its node counts
    const auto offset = reinterpret_cast<std::uintptr_t>(&(reinterpret_cast<T*>(base)->*node)) - base;
    T* element = reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(item) - offset);
    __builtin_assume(element != nullptr);  // so whoever asked whether there is a node need not ask about the element
    return element;
  }
};

}  // namespace cv6

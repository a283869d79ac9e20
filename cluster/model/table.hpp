// Table: entities by key, remembering which keys changed since they were last saved.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace berth::cluster {

template <class T>
class Table {
  public:
    const T* find(std::string_view key) const {
        const auto it = rows_.find(key);
        return it == rows_.end() ? nullptr : &it->second;
    }
    // For changing; counts as changed.
    T* edit(std::string_view key) {
        const auto it = rows_.find(key);
        if (it == rows_.end()) return nullptr;
        changed_.insert(it->first);
        return &it->second;
    }
    T& put(std::string key, T value) {
        changed_.insert(key);
        return rows_.insert_or_assign(std::move(key), std::move(value)).first->second;
    }
    void erase(std::string_view key) {
        if (const auto it = rows_.find(key); it != rows_.end()) {
            changed_.insert(it->first);
            rows_.erase(it);
        }
    }
    // As read from the store: not a change.
    void load(std::string key, T value) { rows_.insert_or_assign(std::move(key), std::move(value)); }

    void mark_changed(std::string key) { changed_.insert(std::move(key)); }
    std::set<std::string> take_changed() { return std::exchange(changed_, {}); }

    auto begin() const { return rows_.begin(); }
    auto end() const { return rows_.end(); }
    auto lower_bound(std::string_view key) const { return rows_.lower_bound(key); }
    std::size_t size() const { return rows_.size(); }

  private:
    std::map<std::string, T, std::less<>> rows_;
    std::set<std::string> changed_;
};

} // namespace berth::cluster

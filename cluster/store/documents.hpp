// The entities as JSON documents, one per row: what the store keeps.
#pragma once

#include "cluster/model/world.hpp"

#include <optional>
#include <string>
#include <vector>

namespace berth::cluster {

struct Row {
    std::string kind, key;
    std::optional<std::string> document; // nullopt: the entity is gone
};

// What changed since the last call.
std::vector<Row> take_changes(World& world);
// Counts them as changed again: they could not be saved.
void keep_changes(World& world, const std::vector<Row>& rows);
// Fills the world with rows as take_changes() made them. A row of an unknown kind or shape is an error.
Status load_rows(World& world, const std::vector<Row>& rows);

} // namespace berth::cluster

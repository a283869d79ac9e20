// Entities as the Describe operations show them.
#pragma once

#include "cluster/model/context.hpp"

namespace berth::cluster {

Json view(const World& world, const Cluster& cluster, bool tags = false);
Json view(const Definition& definition);
Json view(const World& world, const Instance& instance, bool tags = false);
Json view(const World& world, const Task& task, bool tags = false);
Json view(const World& world, const Service& service, bool tags = false);
Json view_tags(const Tags& tags);
Json view_failure(const std::string& arn, const std::string& reason, const std::string& detail = {});

} // namespace berth::cluster

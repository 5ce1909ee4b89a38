#include "input/ram_trace.h"

#include "unpaired/owner_tag.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace unpaired {
namespace {

/// Numbers of sites that the device did not number itself.
constexpr uint32_t made_up_sites = 0x10000;

class TraceMaker {
public:
    TraceMaker(Remains &remains, const FirmwareElf &elf, const RamTables *tables, const BlockHeaders &headers)
        : remains_(remains), confirmer_(elf), tables_(tables), headers_(headers)
    {}

    void make()
    {
        add_blocks();
        if (tables_ == nullptr)
            return;
        add_handles();
        add_counters();
        add_anomalies();
        tell_drops();
        tell_reuse();
        for (const std::string &sentence : tables_->damage)
            tell(sentence);
    }

private:
    void tell(std::string sentence) { remains_.trace.damage.push_back(std::move(sentence)); }

    uint16_t space_of_family(uint16_t family) const
    {
        const auto &families = remains_.trace.dictionary.families;
        auto at = families.find(family);
        return at == families.end() ? uint16_t{0} : at->second.space;
    }

    const RamSite *site_of(uint16_t number) const
    {
        if (tables_ == nullptr || number == 0)
            return nullptr;
        auto at = std::lower_bound(tables_->sites.begin(), tables_->sites.end(), number,
                                   [](const RamSite &site, uint16_t n) { return site.number < n; });
        return at != tables_->sites.end() && at->number == number ? &*at : nullptr;
    }

    uint32_t site_id(uint16_t number, uint32_t owner, uint16_t space)
    {
        Trace &trace = remains_.trace;
        if (const RamSite *known = site_of(number)) {
            Site &site = trace.sites[number];
            if (site.id != 0)
                return number;
            site.id = number;
            site.function = known->function;
            site.family = known->family;
            site.owner = known->owner;
            site.owner_source = known->owner_source;
            site.image = ram_image_id;
            if (!known->words.empty())
                site.stack = confirmer_.confirm(known->words, known->words.size() >= tables_->frames).frames;
            return number;
        }
        // found no room, or there is no table: one for each owner and space
        auto [at, added] = unknown_sites_.try_emplace({owner, space}, next_site_);
        if (added) {
            Site &site = trace.sites[next_site_];
            site.id = next_site_++;
            site.owner = owner;
            site.image = ram_image_id;
            site.family = first_family_of(space);
        }
        return at->second;
    }

    uint16_t first_family_of(uint16_t space) const
    {
        for (const auto &[id, family] : remains_.trace.dictionary.families)
            if (family.space == space)
                return id;
        return 0;
    }

    uint16_t heap_space() const
    {
        for (const auto &[id, space] : remains_.trace.dictionary.spaces)
            if (space.name == "heap")
                return id;
        return remains_.trace.dictionary.spaces.begin()->first;
    }

    Slot &add_slot(uint32_t site, uint16_t space, uint64_t handle, uint32_t sequence)
    {
        Slot &slot = remains_.trace.slots.emplace_back();
        slot.reference = static_cast<uint32_t>(remains_.trace.slots.size());
        slot.image = ram_image_id;
        slot.space = static_cast<uint8_t>(space);
        slot.handle = handle;
        slot.site = site;
        slot.sequence = 1;
        if (tables_ != nullptr)
            slot.cycle = cycle_of(*tables_, sequence);
        return slot;
    }

    void add_blocks()
    {
        const std::vector<HeaderedBlock> &live = headers_.live;
        std::vector<bool> stale = stale_headers();
        size_t stale_count = 0;
        uint64_t cut = 0;
        for (size_t i = 0; i < live.size(); i++) {
            if (stale[i]) {
                stale_count++;
                continue;
            }
            const HeaderedBlock &block = live[i];
            const RamSite *site = site_of(block.site);
            const uint16_t space = site != nullptr ? space_of_family(site->family) : heap_space();
            Slot &slot =
                add_slot(site_id(block.site, block.owner, space), space, block.address, block.sequence);
            slot.size = block.size;
            cut += block.size_cut ? 1 : 0;
            // a pool that another allocator cuts up is no block to be held: its pieces are
            if (i + 1 < live.size() && live[i + 1].address < block.end())
                continue;
            remains_.blocks.push_back(
                {block.address, block.size, static_cast<uint32_t>(remains_.trace.slots.size() - 1)});
        }
        if (stale_count > 0)
            tell(fmt::format("{} block headers were left out: a later block of the same heap covers them, so "
                             "they were given back unseen",
                             stale_count));
        if (cut > 0)
            tell(fmt::format("{} blocks are of 16 MiB or more: how much more is not told", cut));
    }

    /// Two live blocks of one heap cannot overlap: the older one was given back past the hooks.
    std::vector<bool> stale_headers() const
    {
        const std::vector<HeaderedBlock> &live = headers_.live;
        std::vector<bool> stale(live.size());
        std::vector<size_t> open; // blocks that reach to where we are
        const auto space = [&](const HeaderedBlock &block) {
            const RamSite *site = site_of(block.site);
            return site != nullptr ? space_of_family(site->family) : heap_space();
        };
        for (size_t i = 0; i < live.size(); i++) {
            std::erase_if(open, [&](size_t o) { return live[o].end() <= live[i].address || stale[o]; });
            for (size_t o : open)
                if (space(live[o]) == space(live[i]))
                    stale[live[o].sequence > live[i].sequence ? i : o] = true;
            open.push_back(i);
        }
        return stale;
    }

    void add_counters()
    {
        std::map<uint32_t, uint64_t> slots; // of each site
        for (const Slot &slot : remains_.trace.slots)
            slots[slot.site]++;
        for (const RamSite &known : tables_->sites) {
            Counter counter;
            counter.image = ram_image_id;
            counter.site = site_id(known.number, known.owner, 0);
            // what is live but not in the image is not released: the image is cut off
            const uint64_t found = slots[counter.site];
            counter.acquired = known.acquired - (known.live > found ? known.live - found : 0);
            remains_.trace.counters.push_back(counter);
        }
        remains_.trace.cycles = tables_->cycle;
    }

    void add_handles()
    {
        for (const RamHandle &handle : tables_->handles) {
            const RamSite *site = site_of(handle.site);
            Slot &slot =
                add_slot(site_id(handle.site, 0, handle.space), handle.space, handle.handle, handle.sequence);
            slot.observed = handle.observed;
            if (handle.failed > 0)
                slot.release_site = slot.site; // any: what tells is that a release was tried
            if (site == nullptr && handle.site != UNPAIRED_RAM_NO_SITE)
                tell(fmt::format("handle {:#x} names site {}, which is not in use", handle.handle,
                                 handle.site));
        }
    }

    uint32_t place_site(const RamAnomaly &anomaly)
    {
        if (anomaly.place == 0)
            return 0;
        auto [at, added] = places_.try_emplace({anomaly.function, anomaly.place}, next_site_);
        if (added) {
            Site &site = remains_.trace.sites[next_site_];
            site.id = next_site_++;
            site.function = anomaly.function;
            site.image = ram_image_id;
            site.stack = {anomaly.place};
        }
        return at->second;
    }

    void add_anomalies()
    {
        for (const RamAnomaly &known : tables_->anomalies) {
            Anomaly anomaly;
            anomaly.image = ram_image_id;
            anomaly.kind = known.kind;
            anomaly.space = known.space;
            anomaly.function = known.function;
            anomaly.observed = known.observed;
            anomaly.acquire_site = site_of(known.acquire_site) != nullptr ? known.acquire_site : 0;
            anomaly.release_site = place_site(known);
            anomaly.result = known.result;
            anomaly.cycles = 1;
            anomaly.count = known.count;
            remains_.trace.anomalies.push_back(anomaly);
        }
    }

    void tell_drops()
    {
        static constexpr const char *texts[UNPAIRED_RAM_DROPS] = {
            "acquisitions found no room in the site table: they have no call site (raise UNPAIRED_SITES)",
            "handles found no room: they are not in the report (raise UNPAIRED_HANDLES)",
            "failed or doubtful releases found no room (raise UNPAIRED_ANOMALIES)",
            "events were lost on their way out: the stream lacks them, this report does not"};
        for (int kind = 0; kind < UNPAIRED_RAM_DROPS; kind++)
            if (tables_->drops[kind] > 0)
                tell(fmt::format("{} {}", tables_->drops[kind], texts[kind]));
    }

    /// An entry of the site table without live blocks may be given to another site, which counts from 0.
    void tell_reuse()
    {
        uint64_t told = tables_->drops[UNPAIRED_RAM_DROP_SITE];
        for (const RamSite &known : tables_->sites)
            told += known.acquired;
        if (tables_->sequence > told)
            tell(
                fmt::format("{} of {} acquisitions are in no total: they were released, and their call sites "
                            "are no longer in the table (raise UNPAIRED_SITES)",
                            tables_->sequence - told, tables_->sequence));
    }

    Remains &remains_;
    const StackConfirmer confirmer_;
    const RamTables *tables_;
    const BlockHeaders &headers_;
    std::map<std::pair<uint32_t, uint16_t>, uint32_t> unknown_sites_; // (owner, space) → site
    std::map<std::pair<uint16_t, uint64_t>, uint32_t> places_;        // (function, address) → site
    uint32_t next_site_ = made_up_sites;
};

} // namespace

void fill_ram_trace(Remains &remains, const FirmwareElf &elf, const RamTables *tables,
                    const BlockHeaders &headers)
{
    TraceMaker(remains, elf, tables, headers).make();
}

} // namespace unpaired

#include "particle_scan.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "ratiofarm/core/errors.hpp"

#include "protocol/particle_row.hpp"

#include "event_blocks.hpp"

namespace ratiofarm {
namespace {

constexpr std::uint64_t most_chosen = 8192;
constexpr std::size_t most_types = 64;
/// Of |p|: energies and momenta may come from texts of a few digits.
constexpr double shell_rounding = 1e-4;
constexpr double most_below_shell = 0.01;

class ParticleScanner {
public:
    ParticleScanner(const h5::File& file, const EventLayout& layout, Problems& problems)
        : layout_(layout),
          particles_(*layout.particles),
          reader_(file, layout),
          problems_(problems),
          has_momenta_(has_momenta(particles_.columns)) {}

    ParticleScan run() {
        const std::uint64_t total = particles_.values.rows();
        if (!count_multiplicities(total)) return {};
        scan_.facts.particles = total;
        stride_ = std::max<std::uint64_t>(1, total / most_chosen);
        for (std::uint64_t block = 0; block < block_count(total); ++block) {
            const Range rows = rows_of_block(block, total);
            add(rows, reader_.read(rows));
        }
        finish();
        return std::move(scan_);
    }

private:
    bool count_multiplicities(std::uint64_t total) {
        const auto& offsets = reader_.offsets();
        const auto wrong = [&](std::uint64_t row, const std::string& why) {
            problems_.add(layout_.path(offsets_dataset) + " row " + std::to_string(row),
                          "is " + std::to_string(offsets[row]) + ": " + why);
            return false;
        };
        if (offsets.front() != 0) return wrong(0, "the first event begins at particle 0");
        for (std::uint64_t row = 1; row < offsets.size(); ++row) {
            if (offsets[row] < offsets[row - 1]) return wrong(row, "less than the row before");
        }
        if (offsets.back() != total) {
            return wrong(offsets.size() - 1, "the last event must end with the last of the " +
                                                 std::to_string(total) + " particles");
        }
        auto& facts = scan_.facts;
        for (std::uint64_t row = 1; row < offsets.size(); ++row) {
            const std::uint64_t number = offsets[row] - offsets[row - 1];
            facts.most = std::max(facts.most, number);
            facts.empty_events += number == 0 ? 1 : 0;
        }
        facts.events.resize(facts.most + 1);
        for (std::uint64_t row = 1; row < offsets.size(); ++row) {
            ++facts.events[offsets[row] - offsets[row - 1]];
        }
        return true;
    }

    void add(Range rows, const ParticleReader::Particles& block) {
        const std::uint64_t width = particles_.columns.size();
        for (std::uint64_t i = 0; i < rows.size(); ++i) {
            const float* particle = block.values.data() + i * width;
            for (std::uint64_t column = 0; column < width; ++column) {
                if (std::isfinite(particle[column])) continue;
                note(rows.first + i, particles_.columns[column], particle[column]);
                break;
            }
            if (has_momenta_) look_at_momentum(rows.first + i, particle);
        }
        for (const std::int64_t type : block.types) {
            ++types_[type < 0 ? 0 - static_cast<std::uint64_t>(type)
                              : static_cast<std::uint64_t>(type)];
        }
        value_bytes_.bytes(std::as_bytes(std::span(block.values)));
        type_bytes_.bytes(std::as_bytes(std::span(block.types)));
    }

    void look_at_momentum(std::uint64_t row, const float* particle) {
        const double energy = particle[0];
        if (energy < 0.0) note(row, "E", particle[0]);
        const double momentum =
            std::hypot(static_cast<double>(particle[1]), static_cast<double>(particle[2]),
                       static_cast<double>(particle[3]));
        if (energy < momentum * (1.0 - shell_rounding)) ++scan_.facts.below_shell;
        if (row % stride_ == 0) energies_.push_back(energy);
    }

    void note(std::uint64_t row, const std::string& column, float value) {
        if (bad_++ > 0) return;
        const auto& offsets = reader_.offsets();
        const auto event = std::ranges::upper_bound(offsets, row) - offsets.begin() - 1;
        first_bad_ = "'" + column + "' is " + std::to_string(value) + " in row " +
                     std::to_string(row) + ", a particle of event " + std::to_string(event);
    }

    void finish() {
        ParticleFacts& facts = scan_.facts;
        if (bad_ > 0) {
            problems_.add(layout_.path(particles_dataset),
                          first_bad_ + " (" + std::to_string(bad_) +
                              " such particles; values must be finite, energies >= 0)");
        }
        const double share = static_cast<double>(facts.below_shell) /
                             static_cast<double>(std::max<std::uint64_t>(1, facts.particles));
        if (share > most_below_shell) {
            problems_.add(layout_.path(particles_dataset),
                          std::to_string(facts.below_shell) + " of " +
                              std::to_string(facts.particles) +
                              " particles have E < |p|: are the first columns really E, px, py "
                              "and pz, in the same unit?");
        }
        if (!energies_.empty()) {
            const auto middle = energies_.begin() + std::ssize(energies_) / 2;
            std::ranges::nth_element(energies_, middle);
            facts.median_energy = *middle;
        }
        std::vector<std::pair<std::uint64_t, std::uint64_t>> counts;
        for (const auto& [type, count] : types_) counts.emplace_back(count, type);
        std::ranges::sort(counts, std::greater<>());
        if (counts.size() > most_types) counts.resize(most_types);
        for (const auto& [count, type] : counts) facts.types.push_back(type);

        Hasher all;
        all.text("particles").number(particles_.columns.size());
        for (const std::string& column : particles_.columns) all.text(column);
        Hasher offsets;
        offsets.bytes(std::as_bytes(std::span(reader_.offsets())));
        scan_.digest = all.digest(value_bytes_.finish())
                           .digest(offsets.finish())
                           .number(particles_.types ? 1 : 0)
                           .digest(type_bytes_.finish())
                           .finish();
    }

    const EventLayout& layout_;
    const EventLayout::Particles& particles_;
    ParticleReader reader_;
    Problems& problems_;
    bool has_momenta_;
    ParticleScan scan_;
    std::uint64_t stride_ = 1;
    std::uint64_t bad_ = 0;
    std::string first_bad_;
    std::vector<double> energies_;
    std::map<std::uint64_t, std::uint64_t> types_;
    Hasher value_bytes_;
    Hasher type_bytes_;
};

}  // namespace

ParticleScan scan_particles(const h5::File& file, const EventLayout& layout, Problems& problems) {
    return ParticleScanner(file, layout, problems).run();
}

}  // namespace ratiofarm

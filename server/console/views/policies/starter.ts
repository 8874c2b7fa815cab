/** Where nobody has published a policy, the editor begins with this one: it records, and so stops nothing yet. */
export const starterPolicy = `# Every device follows this policy, unless it has a policy file
# of its own.
number: 1        # has to grow with each policy that is published
mode: enforce    # "record" could never stop anything

require:
  # What a program must be able to show for itself.
  # The built-in policy asks for the same.
  - name: something claims it
    standing: [proven, signed, unproven]
    basis: [reproduced, source, publisher, pinned, recorded, generated]
    otherwise:
      unproven: block      # nothing claims it
      unchecked: record    # its proof could not be checked in time
  # What evidence speaks against is blocked without being named here.

gate:
  # How far the gate goes on devices in no ring:
  # off, record, warn, hold, block or quarantine.
  mode: record
  # Devices that get a stricter mode first, by the group in their
  # own settings. The first that fits decides.
  rings: []
  #  - { group: canary, mode: block }
  #  - { group: staff, mode: hold }
  # A ring that stops more different files than this goes back to
  # warn by itself.
  stepBack: { files: 20, minutes: 10 }

# What is allowed although it fails, each for a reason and until a day.
exceptions: []
#  - name: the old backup tool
#    match: { path: { pattern: "/opt/backup/.*" } }
#    owner: Ada
#    reason: replaced in the spring
#    expires: 2027-03-31T00:00:00Z
`;

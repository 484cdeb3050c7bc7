/// Finds the machine of a thread's world, for what is not told: tables.
enum Machines {
    static var ofThread: SimulatedMachine? { World.ofThread?.machine }
}

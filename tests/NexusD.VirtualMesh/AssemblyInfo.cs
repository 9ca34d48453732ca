using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("NexusD.Peering.Tests")]
[assembly: InternalsVisibleTo("NexusD.Simulation.Tests")]

using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("NexusD.Peering.Tests")]

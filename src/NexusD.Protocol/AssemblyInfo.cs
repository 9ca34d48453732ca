using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("NexusD.Protocol.Tests")]

using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("NexusD.Transport.Tests")]

using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("NexusD.Sessions.Tests")]

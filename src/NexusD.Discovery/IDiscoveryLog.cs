namespace NexusD.Discovery;

/// <summary>What discovery has to tell people. Called on its own thread, rarely.</summary>
public interface IDiscoveryLog
{
    /// <summary>Beacons go and come on this interface from now on.</summary>
    void InterfaceJoined(string name, string address);

    /// <summary>Beacons no longer go and come on this interface.</summary>
    void InterfaceLeft(string name);

    /// <summary>Something does not work and is tried again; told once until it changes.</summary>
    void Trouble(string what);
}

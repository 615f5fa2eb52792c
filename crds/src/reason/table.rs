//! The reasons: name, severity, what it says, what to do.

use super::Severity;

reasons! {
    "Every resource" {
        Starting Normal "The object has just been taken on." "Nothing: it goes on by itself.";
        Paused Normal "`spec.paused` holds back every change." "Set `spec.paused` to false to go on.";
        InvalidSpec Warning "The spec cannot be followed; nothing is changed until it can." "Correct the field that the message names.";
        ClusterNotFound Warning "There is no MesosCluster of that name." "Create it, or correct the reference to it.";
        FindCluster Warning "The MesosCluster was deleted meanwhile." "Create a MesosCluster, or delete this object.";
        WriteStatus Warning "The operator cannot write the status." "Look at the API server and at the rights of the operator's service account.";
        WriteFinalizer Warning "The operator cannot write the finalizer." "Look at the API server and at the rights of the operator's service account.";
        ReadSecret Warning "The operator cannot read the Secret with the CA." "Look at the rights of the operator's service account.";
        CreateSecret Warning "The operator cannot create the Secret with the CA." "Look at the rights of the operator's service account, and at quotas of the namespace.";
        CreateAuthority Warning "The operator cannot make a certificate authority." "Look at the operator's log.";
        InvalidCertificateAuthority Warning "The CA in the Secret cannot be used." "Restore the Secret, or delete it to get a new CA.";
        IssueCertificate Warning "The operator cannot issue its own certificate." "Look at the CA in the Secret that the message names.";
    }
    "Nodes and their components" {
        WaitingForAnswer Normal "A node has not answered since the operator started." "Nothing: the answer, or why there is none, comes within seconds.";
        NodeUnreachable Warning "A node agent does not answer." "Start the node agent, or repair the network; the message has the address.";
        NodeUntrusted Warning "A node and the operator do not accept each other's certificates." "Give the node certificates of this cluster's CA: `mesolith pki issue`.";
        CallNode Warning "A node did not do what it was told." "The message has the node's answer.";
        PortInUse Warning "A port that a component needs is taken." "Stop the program that the message names, or change the port in the spec.";
        PortUnavailable Warning "A port that a component needs cannot be listened on." "The message has what the operating system says.";
        AddressNotLocal Warning "A node's address is not one of its machine." "Correct the address in `spec.nodes`.";
        AddressNotFound Warning "The name in a node's address does not resolve on the node." "Correct the address, or the machine's name resolution.";
        JavaNotFound Warning "The node has no Java, which ZooKeeper needs." "Install `default-jre-headless` on the node.";
        JavaTooOld Warning "The node's Java is too old for ZooKeeper." "Install Java 8 or later on the node.";
        ZooKeeperNotFound Warning "The node has no ZooKeeper." "Install `zookeeper` on the node.";
        ZooKeeperIdMismatch Warning "The data on the node belongs to another server id." "Remove the component from the node first, or give the old id back.";
        DockerUnavailable Warning "No Docker engine answers there." "Start the engine, or remove `docker` from the containerizers.";
        NoSpace Warning "The disk is nearly full." "Free some space below the node agent's state directory.";
        ConfigurationNotWritten Warning "The node cannot write a component's configuration." "The message has what the operating system says.";
        NotAnswering Warning "A component runs but does not answer." "Read its log.";
        Unhealthy Warning "A component runs but says that it is not well." "Read its log.";
        CrashLoop Warning "A component ends again and again." "The message has the last lines of its log; it is started again after at most 60 s.";
        OutOfMemory Warning "A component was ended since it had used up its memory." "Give it a higher limit, or find out what needs so much.";
        ComponentFailed Warning "A node cannot start a component by itself." "The message has what the node says.";
        ComponentNotReady Normal "A component does not run yet." "Nothing, unless it lasts: then read its log.";
        StoppingTasks Normal "An agent leaves, and its tasks have their grace." "Wait; the message counts the tasks.";
        DepartureFailed Warning "The tasks of an agent that leaves could not be ended." "The message has the last lines of its log; it is tried again every 5 s.";
        FileNotReadable Warning "A component needs a file that cannot be read on its node." "Put the file that the message names on the node.";
        LiveSettingsNotWritten Warning "The node cannot write what a component follows while it runs." "Free some space, or repair the disk; it follows its earlier settings.";
        StandingBy Normal "Another sync engine of this name is active." "Nothing: this one takes over when that one ends.";
        OtherSettings Warning "A sync engine follows settings that were given to it directly." "Send settings under a generation above the one that the message names.";
        SettingsNotTaken Warning "A sync engine did not take its settings in time." "Nothing, unless it lasts: they are sent again.";
        WaitingForSyncEngine Normal "No sync engine is active yet." "Nothing, unless it lasts: the message has what each engine waits for.";
        SyncEngineUnreachable Warning "No sync engine answers." "Look at the component `sync` of the nodes that the message names.";
        SyncEngineTimedOut Warning "A sync engine did not do in time what it was asked." "Nothing, unless it lasts: then look at its status, `mesos-migrate sync status`.";
        SyncEngineRefused Warning "A sync engine does not do what it was asked." "The message has the engine's own reason, and what to do.";
        ArchiveFailed Warning "The data of a component could not be archived." "The message has what the operating system says; it is tried again.";
    }
    "MesosCluster" {
        AllServing Normal "Every wanted component serves." "Nothing.";
        AllAnswer Normal "Every node answers." "Nothing.";
        External Normal "The ensemble is not managed here." "Nothing.";
        NoneWanted Normal "The spec wants none." "Nothing.";
        UpToDate Normal "The nodes have what the spec says." "Nothing.";
        Progressing Normal "Nothing keeps the cluster from going on." "Nothing.";
        WaitingForQuorum Normal "Too few ZooKeeper servers serve." "Start the servers that are down, or repair the network between them.";
        WaitingForMasters Normal "Too few masters serve." "Nothing, unless it lasts: then look at the masters that the message names.";
        WaitingForLeader Normal "No master leads yet." "Nothing, unless it lasts: then look at the logs of the masters.";
        WaitingForAgents Normal "Too few agents serve." "Nothing, unless it lasts: then look at the agents that the message names.";
        Rolling Normal "Nodes are changed one after the other." "Nothing; the steps left are in `status.plan`.";
        RollingOneByOne Normal "A node waits until the one before it serves again." "Nothing, unless it lasts: then look at the component that the message names.";
        AgentHasTasks Normal "An agent is to leave and still has tasks." "Wait until they have moved or ended, or set `spec.agentRemoval.mode` to Force, which kills them.";
        TellMaster Warning "The leading master does not do what it was told about agents that leave." "The message has the master's answer; it is told again.";
        DrainTimeout Warning "An agent has not been drained within its time." "Look at the tasks that it has, or set `spec.agentRemoval.mode` to Force.";
        Deleting Normal "The nodes stop what they have of the cluster." "Wait; a machine that is gone for good is named in the annotation `mesolith.io/skip-node-cleanup`.";
        NodesSkipped Warning "Deletion left nodes as they are." "End what runs there, if the machine comes back.";
        AppsWithoutCluster Warning "A cluster is deleted that apps still run on." "Delete the apps, or make them anew on another cluster.";
        StrayTasksStopped Warning "Tasks of an app that does not exist any more are stopped." "Nothing.";
        UnknownTasks Warning "The framework has tasks that no app started; they are left alone." "End them by hand if nobody needs them.";
    }
    "MarathonApp" {
        Running Normal "Every wanted instance runs and is healthy." "Nothing.";
        Suspended Normal "No instance is wanted." "Scale the app up to start it.";
        StartingInstances Normal "Instances are being started." "Nothing, unless it lasts: then look at the tasks in the status.";
        WaitingForHealth Normal "Instances run but do not pass their health checks yet." "Nothing, unless it lasts: then look at the checks and at the instances' logs.";
        WaitingForTasks Normal "Instances more than wanted are being stopped." "Nothing.";
        WaitingForOffers Normal "No agent has offered anything yet." "Nothing, unless it lasts: then look at the cluster's agents and roles.";
        WaitingForClusters Normal "The operator has not read the MesosClusters yet." "Nothing.";
        WaitingForScheduler Normal "The scheduler does not know the app's tasks yet." "Nothing.";
        RollingOut Normal "Instances are replaced by ones of the new definition." "Nothing; the message counts them.";
        DrainingAgents Normal "Instances move away from agents that leave." "Nothing; replacements start first.";
        DeletingInstances Normal "The app is deleted, and its instances are being stopped." "Nothing, unless the message says why they cannot be stopped.";
        InsufficientResources Warning "No agent has enough free resources." "Ask for less, add agents, or free some: the message has the largest free amount.";
        ConstraintUnsatisfied Warning "No agent fits the constraints." "Change `spec.constraints`, or add agents with these attributes.";
        PortNotOnAnyAgent Warning "No agent offers the port that the app asks for." "Ask for another host port, or add it to the agents' resources.";
        BackOff Warning "Instances fail; the next start waits." "The message has the last failure.";
        ImageNotFound Warning "The image is not on the agent and could not be had." "Correct the image's name, or give the agent access to its registry.";
        ClusterNotReady Warning "The framework is not subscribed to a leading master." "Look at the MesosCluster: the message says why.";
        ClusterAmbiguous Warning "There are several clusters, and the app names none." "Set `spec.clusterRef`.";
        ClusterChanged Warning "The app names another cluster than the one that it runs on." "Change `spec.clusterRef` back, or delete the app and make a new one.";
        NotSupported Normal "Fields of the spec have no effect in this version." "Remove them, or live without them.";
        WriteFrameworkId Warning "The operator cannot put the framework id on record." "Look at the API server and at the rights of the operator's service account.";
        StartScheduler Warning "The operator cannot start the scheduler." "Look at the operator's log.";
    }
    "ZkMigration" {
        Valid Normal "The spec is valid." "Nothing.";
        ChecksPassed Normal "Every preflight check passed." "Nothing.";
        ChecksFailed Warning "Preflight checks failed." "Causes and remedies are in `status.preflight`.";
        PreflightPassed Normal "The spec is valid and every preflight check passed." "Nothing.";
        PreflightFailed Warning "Preflight checks failed." "Causes and remedies are in `status.preflight`.";
        PhaseTimeout Warning "A phase, or its approval, takes longer than it may." "Look at status.waitingFor; raise spec.orchestration's timeouts, or go back.";
        WriteForm Warning "The operator cannot write what the MesosCluster is to be." "Look at the API server and at the rights of the operator's service account.";
        WaitingForCluster Normal "The MesosCluster has not shown yet what it makes of the migration's last step." "Nothing, unless it lasts: then look at the MesosCluster's conditions.";
        WaitingForSync Normal "The sync engine does not say that both sides are equal." "Nothing, unless it lasts: then look at mesos-migrate sync status.";
        WaitingForSwitch Normal "The side that writes a subtree is being changed behind the engine's fence." "Nothing, unless it lasts: then look at mesos-migrate sync status.";
        WaitingForPin Normal "A master that must not lead has not said so yet." "Nothing, unless it lasts: then bring the node that the message names back.";
        WaitingForGroup Normal "The ensembles do not show every master in the election." "Nothing, unless it lasts: then look at the masters' logs and at the sync engine.";
        WaitingForRemoval Normal "Components are being stopped." "Nothing, unless it lasts: then look at the MesosCluster's conditions.";
        WaitingForProbe Normal "The probe task does not run on cluster B yet." "Nothing, unless it lasts: then look at the MarathonApp of the probe.";
        WaitingForReturn Normal "What the master was told about agents that were to leave is being taken back." "Nothing, unless it lasts: an agent has to end its drain first.";
        ProbeNameTaken Warning "The name of the probe task's MarathonApp is taken." "Delete or rename the MarathonApp that the message names.";
        ProbeFailed Warning "The probe task cannot run on cluster B." "The message has what its MarathonApp says; repair the agents of cluster B.";
        WriteProbe Warning "The operator cannot write the MarathonApp of the probe task." "Look at the API server and at the rights of the operator's service account.";
        WaitingForDrain Normal "Agents of cluster A still have tasks." "Nothing, unless it lasts: then look at the tasks that the message counts.";
        WaitingForApproval Normal "The evidence of a phase waits for a person." "Look at status.evidence, then annotate the object as waitingFor says.";
        WaitingForClients Normal "Ensemble A does not tell who is connected to it." "Add cons to 4lw.commands.whitelist of its servers.";
        LeaderNotSteady Normal "The leading master leads for a short time only." "Nothing, unless it lasts: then look at why leaders change.";
        StaleApproval Warning "The approval is of evidence that is not the present one." "Look at the present evidence, then approve its hash.";
        ApprovalOfAnotherPhase Warning "The approval is of a phase that is not reached yet." "Approve the present phase first.";
        Migrated Normal "Every phase is done: the cluster is cluster B." "Put the spec that the MesosCluster shows into Git; then delete the migration.";
        RolledBack Normal "The way back has been gone to its end." "Nothing. Take `spec.rollback` away to begin again, or delete the migration.";
        NothingToGoBack Warning "The migration is not past the phase that is to stay." "Name an earlier phase, or none to go back to the start.";
        LagAboveThreshold Warning "The lag is above its threshold." "Relieve the ensembles, or raise spec.sync.lagThreshold.";
        ChangesRefused Warning "A side does not take some changes." "Look at mesos-migrate sync status, which names each.";
        DigestsDiffer Warning "The servers' digest of an ensemble is not that of the engine's picture of it." "Look at mesos-migrate sync diff.";
        FrameworksDisconnected Warning "Frameworks are not connected to the leader." "Bring them back, or end those that are not needed.";
        TasksLeft Warning "Tasks run on agents of cluster A." "Move or end them.";
        TargetTooSmall Warning "Cluster B has no room for the tasks of cluster A." "Add agents to cluster B, or end tasks.";
        ClientsLeft Warning "Clients are connected to ensemble A." "Point them to ensemble B, or end them.";
        ClusterMoves Warning "Another migration moves this cluster." "Finish it, or roll it back.";
        FormLost Warning "The status of the MesosCluster does not say any more what the migration has made of it." "Restore its status, or leave the cluster as it is and begin again.";
        PhasesUnavailable Warning "This version checks a migration but cannot run its phases." "Wait for a version that can.";
        ServerUnreachable Warning "A ZooKeeper server does not answer." "Start it, or correct its address in the spec.";
        NotZooKeeper Warning "What listens there is not ZooKeeper." "Give the client port of the server, usually 2181.";
        WordNotWhitelisted Warning "A server does not answer the four-letter word `srvr`." "Add it to `4lw.commands.whitelist` in its zoo.cfg.";
        NoQuorum Warning "A ZooKeeper server runs without a quorum." "Start the other servers of its ensemble.";
        NoLeader Warning "No server of the ensemble leads." "Start the servers that are down, or repair the network between them.";
        FollowersBehind Warning "Followers are not in sync with their leader." "Wait until they are, or look at what keeps them back.";
        MasterUnreachable Warning "A master does not answer." "Start it, or correct its address in the spec.";
        MasterUnhealthy Warning "A master says that it is not well." "Look at its log.";
        VersionMismatch Warning "A node agent has another version than the operator." "Install the same version of Mesolith on the node.";
        CertificateAuthorityNotFound Warning "There is no Secret with the CA of the target's nodes." "Store it: the message has the command.";
        ReadCluster Warning "The operator cannot read the source's MesosCluster." "Look at the API server and at the rights of the operator's service account.";
        StartChecks Warning "The operator cannot set up the checks." "Look at the operator's log.";
    }
}

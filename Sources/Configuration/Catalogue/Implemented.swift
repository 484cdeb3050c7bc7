/// The parameters that Apus acts on. Code that starts to read a parameter adds its name here, in the section of its
/// folder; `Scripts/check-implemented.py` compares this list with the names that the sources read.
/// A parameter that main.cf sets and that is missing here is reported at start and by `postfix check`.
enum ImplementedParameters {
    static let names: Set<String> = Set(
        list.split(whereSeparator: \.isWhitespace).lazy.filter { !$0.hasPrefix("#") }.map(String.init))

    // One name a line; `#` starts a heading of one word.
    private static let list = """
        #Configuration
        alias_database
        command_directory
        compatibility_level
        config_directory
        daemon_directory
        data_directory
        default_database_type
        default_cache_db_type
        export_environment
        html_directory
        import_environment
        inet_interfaces
        inet_protocols
        mail_name
        mail_owner
        mail_release_date
        mail_version
        mailq_path
        manpage_directory
        meta_directory
        mydomain
        myhostname
        mynetworks
        mynetworks_style
        myorigin
        newaliases_path
        process_id
        process_name
        proxy_interfaces
        queue_directory
        readme_directory
        sample_directory
        sendmail_path
        service_name
        setgid_group
        shlib_directory
        stress

        #Receive
        smtpd_recipient_restrictions
        smtpd_relay_restrictions
        """
}

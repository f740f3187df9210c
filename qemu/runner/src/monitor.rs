//! QEMU's monitor, in its machine protocol (QMP): the host changes the machine, or looks at it, before the
//! guest starts and while it runs.

use crate::{
    board::Setting,
    error::{Error, Result},
    report::Property,
};
use serde_json::{Value, json};
use std::{
    io::{self, BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

/// The name of the monitor's socket. QEMU listens there.
pub const SOCKET: &str = "monitor";

/// How long a QEMU that hangs is waited for. It responds within milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection to the monitor.
#[derive(Debug)]
pub struct Monitor(BufReader<UnixStream>);

impl Monitor {
    /// Connects to the monitor of the QEMU whose sockets are in `folder`.
    ///
    /// # Errors
    /// QEMU has ended.
    pub fn connect(folder: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(folder.join(SOCKET))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Self::on(stream)
    }

    fn on(stream: UnixStream) -> io::Result<Self> {
        let mut this = Self(BufReader::new(stream));
        this.line()?; // The greeting.
        _ = this.execute("qmp_capabilities", &json!({}))?;
        Ok(this)
    }

    /// Connects to the monitor of a QEMU that waits for it, sets properties of objects, and lets the guest
    /// start.
    ///
    /// # Errors
    /// QEMU has ended; inside, QEMU refuses.
    pub fn start(folder: &Path, settings: &[(&str, &str, Setting)]) -> io::Result<Result<Self>> {
        Self::connect(folder)?.prepare(settings)
    }

    fn prepare(mut self, settings: &[(&str, &str, Setting)]) -> io::Result<Result<Self>> {
        for &(object, property, value) in settings {
            let value = match value {
                Setting::Number(number) => number.into(),
                Setting::Object(path) => path.into(),
            };
            if let Err(error) = self.set_to(object, property, &value)? {
                return Ok(Err(error));
            }
        }
        let started = self.execute("cont", &json!({}))?;
        Ok(started.map(|_| self).map_err(|why| {
            Error::run("the guest does not start", why, "report this as a defect of the runner")
        }))
    }

    /// Sets the property. It is set when this returns.
    ///
    /// # Errors
    /// QEMU has ended; inside, QEMU refuses.
    pub fn set(&mut self, property: &Property) -> io::Result<Result<()>> {
        let Property { object, property: name, value } = property;
        self.set_to(object, name, &(*value).into())
    }

    fn set_to(&mut self, object: &str, name: &str, value: &Value) -> io::Result<Result<()>> {
        let arguments = json!({ "path": object, "property": name, "value": value });
        let set = self.execute("qom-set", &arguments)?;
        Ok(set.map(drop).map_err(|why| refused(object, name, value, &why)))
    }

    /// Checks that the property has this value.
    ///
    /// # Errors
    /// QEMU has ended; inside, it has another value, or QEMU refuses.
    pub fn check(&mut self, property: &Property) -> io::Result<Result<()>> {
        let Property { object, property: name, value } = property;
        let found = self.execute("qom-get", &json!({ "path": object, "property": name }))?;
        Ok(match found {
            Ok(found) if found == json!(value) => Ok(()),
            Ok(found) => Err(Error::run(
                "the machine is not as the guest reported",
                format_args!("{name} of {object} is {found}, and the guest said {value}"),
                "the driver does not do what it says; run the test again with --verbose",
            )),
            Err(why) => Err(refused(object, name, &(*value).into(), &why)),
        })
    }

    /// What QEMU returns for a command, or why it refuses.
    fn execute(
        &mut self,
        command: &str,
        arguments: &Value,
    ) -> io::Result<std::result::Result<Value, String>> {
        let line = format!("{}\n", json!({ "execute": command, "arguments": arguments }));
        self.0.get_mut().write_all(line.as_bytes())?;
        loop {
            let mut answer = self.line()?;
            if let Some(value) = answer.get_mut("return") {
                return Ok(Ok(value.take()));
            }
            if let Some(error) = answer.get("error") {
                return Ok(Err(error["desc"].as_str().unwrap_or("it gives no reason").into()));
            }
            // An event, which QEMU sends between answers.
        }
    }

    fn line(&mut self) -> io::Result<Value> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}

fn refused(object: &str, property: &str, value: &Value, why: &str) -> Error {
    Error::run(
        "QEMU does not know what is to be set or checked",
        format_args!("{property} of {object}, {value}: {why}"),
        "check that the board's crate, and its row in the runner, name objects of this machine",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// A monitor that gives these answers, whatever it is asked. Returns what it was asked, too.
    fn answering(answers: &'static [&'static str]) -> (Monitor, thread::JoinHandle<Vec<String>>) {
        let (ours, qemu) = UnixStream::pair().unwrap();
        let qemu = thread::spawn(move || {
            let mut asked = Vec::new();
            let mut lines = BufReader::new(qemu.try_clone().unwrap()).lines();
            (&qemu).write_all(b"{\"QMP\": {}}\n").unwrap();
            for answer in [&"{\"return\": {}}"].into_iter().chain(answers) {
                asked.extend(lines.next().transpose().unwrap());
                (&qemu).write_all(answer.as_bytes()).unwrap();
                (&qemu).write_all(b"\n").unwrap();
            }
            asked
        });
        (Monitor::on(ours).unwrap(), qemu)
    }

    fn high() -> Property {
        Property { object: "/gpio".into(), property: "A0".into(), value: true }
    }

    #[test]
    fn a_property_is_set_and_checked() {
        let (mut monitor, qemu) = answering(&[
            "{\"event\": \"RESUME\"}\n{\"return\": {}}",
            "{\"return\": true}",
            "{\"return\": false}",
        ]);
        monitor.set(&high()).unwrap().unwrap();
        monitor.check(&high()).unwrap().unwrap();
        let error = monitor.check(&high()).unwrap().unwrap_err().to_string();
        assert!(error.contains("A0 of /gpio is false"), "{error}");
        let asked = qemu.join().unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&asked[1]).unwrap(),
            json!({ "execute": "qom-set", "arguments": { "path": "/gpio", "property": "A0", "value": true } })
        );
    }

    #[test]
    fn a_guest_starts_when_all_is_set() {
        let settings = [
            ("/hot", "temperature", Setting::Number(23_500)),
            ("/out", "0", Setting::Object("/in")),
        ];
        let (monitor, qemu) = answering(&["{\"return\": {}}"; 3]);
        drop(monitor.prepare(&settings).unwrap().unwrap());
        let asked = qemu.join().unwrap();
        let said: Vec<Value> =
            asked.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let values = said.iter().map(|said| said["arguments"]["value"].clone());
        assert_eq!(
            values.collect::<Vec<_>>(),
            [json!(null), json!(23_500), json!("/in"), json!(null)]
        );
        assert_eq!(said[3]["execute"], "cont");

        let (monitor, _qemu) = answering(&["{\"error\": {\"desc\": \"no such thing\"}}"; 3]);
        let error = monitor.prepare(&settings).unwrap().unwrap_err().to_string();
        assert!(error.contains("temperature of /hot, 23500: no such thing"), "{error}");
    }

    #[test]
    fn what_qemu_refuses_is_an_error() {
        let refusal = "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no such thing\"}}";
        let (mut monitor, _qemu) = answering(Box::leak(Box::new([refusal, refusal])));
        for result in [monitor.set(&high()), monitor.check(&high())] {
            let error = result.unwrap().unwrap_err().to_string();
            assert!(error.contains("no such thing"), "{error}");
        }
        assert!(monitor.set(&high()).is_err(), "it has ended");
    }
}
